//! Requests from programs on this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::header::{FORWARDED, HOST, ORIGIN, VIA};
use axum::http::{HeaderName, Request};

/// Admits requests that a program on this machine has made itself: not those that a proxy on it has
/// forwarded, nor those of a page that a stranger has put into a browser on it.
#[derive(Debug, Default)]
pub struct LocalOnly {
    /// Further web origins whose pages may call, as browsers send them; `*` is any.
    origins: Vec<String>,
}

/// Why a request is not that of a program on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// The peer is on another machine, or unknown.
    Peer,
    /// The request is for another host: a name that was made to point here (DNS rebinding), or that a
    /// proxy has kept.
    Host,
    /// A proxy has forwarded the request, as this header says.
    Proxy(HeaderName),
    /// The page that makes the request is not from this machine.
    Origin,
}

impl LocalOnly {
    /// Also admits pages of these web origins, in a browser on this machine.
    pub fn with_origins(origins: &[String]) -> Self {
        Self {
            origins: origins.to_vec(),
        }
    }

    pub(super) fn check<B>(
        &self,
        request: &Request<B>,
        peer: Option<SocketAddr>,
    ) -> Result<(), Remote> {
        if !peer.is_some_and(|peer| is_loopback_ip(peer.ip())) {
            return Err(Remote::Peer);
        }
        // RFC 9112 §3.2.2: in a request for a whole address, that one counts.
        if let Some(authority) = request.uri().authority()
            && !is_loopback_host(host_of(authority.as_str()))
        {
            return Err(Remote::Host);
        }
        let mut has_host = false;
        // One pass costs less than a look-up for each.
        for (name, value) in request.headers() {
            if name == HOST {
                has_host = true;
                let host = value.to_str().map_err(|_| Remote::Host)?;
                if !is_loopback_host(host_of(host)) {
                    return Err(Remote::Host);
                }
            } else if name == ORIGIN {
                let origin = value.to_str().map_err(|_| Remote::Origin)?;
                if !self.admits_origin(origin) {
                    return Err(Remote::Origin);
                }
            } else if is_of_a_proxy(name) {
                return Err(Remote::Proxy(name.clone()));
            }
        }
        if has_host { Ok(()) } else { Err(Remote::Host) }
    }

    fn admits_origin(&self, origin: &str) -> bool {
        let mut origins = self.origins.iter();
        if origins.any(|known| known == "*" || known == origin) {
            return true;
        }
        // `null` has no `://`.
        let Some((scheme, host)) = origin.split_once("://") else {
            return false;
        };
        matches!(scheme, "http" | "https") && is_loopback_host(host_of(host))
    }
}

fn is_of_a_proxy(name: &HeaderName) -> bool {
    *name == FORWARDED || *name == VIA || {
        let name = name.as_str();
        name.starts_with("x-forwarded") || name == "x-real-ip"
    }
}

/// The host of `host` or `host:port`; what is neither is a host that is not loopback.
fn host_of(authority: &str) -> &str {
    // The colons of an IPv6 address are inside its brackets.
    match authority.rsplit_once(':') {
        Some((host, port))
            if !port.ends_with(']') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => authority,
    }
}

/// `localhost`, a name below it, or a loopback address. The names are loopback everywhere ([RFC 6761
/// §6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3)); no other name is, wherever it points now.
fn is_loopback_host(host: &str) -> bool {
    const NAME: &str = "localhost";
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| is_loopback_ip(address.into()));
    }
    let start = host.len().checked_sub(NAME.len());
    let end = start.and_then(|start| host.split_at_checked(start));
    if let Some((before, end)) = end
        && end.eq_ignore_ascii_case(NAME)
    {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        return before.is_empty() || before.ends_with('.') && before.bytes().all(fits);
    }
    host.parse::<Ipv4Addr>()
        .is_ok_and(|address| address.is_loopback())
}

fn is_loopback_ip(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there is no API key, so only programs on this machine may call the API, and ",
        )?;
        match self {
            Self::Peer => f.write_str("the peer is on another one"),
            Self::Host => f.write_str("the Host of this request is not localhost"),
            Self::Proxy(header) => {
                write!(f, "`{header}` says that a proxy has forwarded this request")
            }
            Self::Origin => f.write_str("the Origin of this request is on another one"),
        }?;
        f.write_str("; `wavecast key new` makes a key")
    }
}

#[cfg(test)]
mod tests;
