//! Which web pages may connect, by their origin ([RFC 6455 §10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2)).

mod pattern;
mod web_origin;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use thiserror::Error;

use self::pattern::OriginPattern;
use self::web_origin::WebOrigin;
use super::Authority;

/// Which web pages may open WebSockets and event streams.
///
/// Browsers say in `Origin` of which page a request is; programs send none. A request without it is
/// always allowed, and so is a page of the host that the request is sent to. All others have to be
/// listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    listed: Vec<OriginPattern>,
    loopback: bool,
    hosts: AllowedHosts,
}

/// Which `Host` a request of a web page may have. Any page can make its own name stand for another
/// machine's address (DNS rebinding); then the name is in `Host`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Any.
    #[default]
    Any,
    /// `localhost`, a name under it, or a loopback address.
    Loopback,
    /// The same, or any IP address, none of which is a name.
    LoopbackOrAddress,
}

/// A text is not a web origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a web origin; write it as https://app.example or https://*.app.example")]
pub struct InvalidOrigin(String);

/// Why a request may not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OriginError {
    /// It has more than one `Origin`.
    #[error("at most one Origin header is allowed")]
    Several,
    /// It is of a page that is not allowed.
    #[error("pages of this origin may not connect")]
    NotAllowed,
}

impl AllowedOrigins {
    /// Also allows these origins: `https://app.example`; `https://*.app.example` for one or more
    /// labels before `.app.example`; `*` for all but `null`; and `null`, which pages opened from a
    /// file and sandboxed frames have.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidOrigin> {
        let listed = origins.into_iter().map(|text| {
            let pattern = OriginPattern::parse(text);
            pattern.ok_or_else(|| InvalidOrigin(text.to_owned()))
        });
        Ok(Self {
            listed: listed.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// Also allows pages of this machine, on any port, as development servers have.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    /// Allows pages only in requests with such a `Host`.
    #[must_use]
    pub fn on_hosts(mut self, hosts: AllowedHosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Checks the headers of a request.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), OriginError> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        if origins.next().is_some() {
            return Err(OriginError::Several);
        }
        let origin = origin.to_str().unwrap_or_default();
        let is_allowed = self.allows_host(host(headers).as_ref())
            && (self.listed.iter().any(|pattern| pattern.matches(origin))
                || WebOrigin::parse(origin)
                    .is_some_and(|origin| self.allows_unlisted(&origin, headers)));
        if is_allowed {
            Ok(())
        } else {
            Err(OriginError::NotAllowed)
        }
    }

    fn allows_host(&self, host: Option<&Authority>) -> bool {
        match self.hosts {
            AllowedHosts::Any => true,
            AllowedHosts::Loopback => host.is_some_and(Authority::is_loopback),
            AllowedHosts::LoopbackOrAddress => {
                host.is_some_and(|host| host.is_loopback() || host.is_address())
            }
        }
    }

    fn allows_unlisted(&self, origin: &WebOrigin, headers: &HeaderMap) -> bool {
        self.loopback && origin.is_loopback_page()
            || host(headers).is_some_and(|host| origin.is_of_host(&host))
    }
}

/// The only `Host` of a request.
fn host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    Authority::parse(host.to_str().ok()?.trim_ascii())
}

#[cfg(test)]
mod tests;
