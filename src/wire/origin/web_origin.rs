//! Web origins ([RFC 6454 §6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)).

use crate::wire::Authority;

/// An origin that is not `null`: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebOrigin {
    /// In lower case.
    pub(super) scheme: String,
    /// Without the scheme's default port.
    pub(super) authority: Authority,
}

impl WebOrigin {
    /// `None` for text that is not an origin, such as one with a path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Self::new(scheme, Authority::parse(authority)?)
    }

    pub(super) fn new(scheme: &str, mut authority: Authority) -> Option<Self> {
        let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !scheme.chars().all(in_scheme) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        authority.port = without_default(&scheme, authority.port);
        Some(Self { scheme, authority })
    }

    /// Whether it is of a page that was loaded from this host and port. Which of `http` and `https`
    /// the page uses is left out: a proxy in front of this server knows, `Host` does not say.
    pub(super) fn is_of_host(&self, host: &Authority) -> bool {
        self.is_page()
            && self.authority.host == host.host
            && self.authority.port == without_default(&self.scheme, host.port)
    }

    /// Whether it is of a page that this machine serves.
    pub(super) fn is_loopback_page(&self) -> bool {
        self.is_page() && self.authority.is_loopback()
    }

    fn is_page(&self) -> bool {
        default_port(&self.scheme).is_some()
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn without_default(scheme: &str, port: Option<u16>) -> Option<u16> {
    port.filter(|_| port != default_port(scheme))
}
