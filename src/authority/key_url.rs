//! The URL of a key set.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Scheme;

/// Where a key set is: an `https` URL, or an `http` URL of a loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUrl {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

/// Why a URL cannot be that of a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyUrlError {
    /// Not an absolute URL.
    #[error("is not a URL; write https://app.example/.well-known/jwks.json")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("must begin with https://")]
    OtherScheme,
    /// Over plain HTTP, anyone on the network path could replace the keys.
    #[error("must begin with https://; http:// is only for loopback addresses")]
    PlainHttp,
    /// A user or a password.
    #[error("must not contain a user or a password")]
    UserInfo,
}

impl KeyUrl {
    /// Checks a URL.
    pub fn parse(text: &str) -> Result<Self, KeyUrlError> {
        let uri: Uri = text.parse().map_err(|_| KeyUrlError::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(KeyUrlError::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(KeyUrlError::UserInfo);
        }
        // An IPv6 address is in brackets here, and nowhere else.
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        if host.is_empty() {
            return Err(KeyUrlError::NotAUrl);
        }
        let is_tls = *scheme == Scheme::HTTPS;
        if !is_tls && *scheme != Scheme::HTTP {
            return Err(KeyUrlError::OtherScheme);
        }
        if !is_tls && !is_loopback(&host) {
            return Err(KeyUrlError::PlainHttp);
        }
        let port = authority.port_u16();
        let port = port.unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self {
            uri,
            host,
            port,
            is_tls,
        })
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is an `https` URL.
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host and port as in the `Host` header.
    pub(super) fn authority(&self) -> &str {
        self.uri
            .authority()
            .map_or("", http::uri::Authority::as_str)
    }

    /// Path and query.
    pub(super) fn target(&self) -> &str {
        let target = self.uri.path_and_query();
        target.map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// Whether this address, to which the host was resolved, may be connected to: without TLS, a
    /// name must not lead elsewhere.
    pub(super) fn allows(&self, address: &SocketAddr) -> bool {
        self.is_tls || address.ip().is_loopback()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = KeyUrl::parse("https://App.example/.well-known/jwks.json?v=1").unwrap();
        assert_eq!((url.host(), url.port()), ("app.example", 443));
        assert_eq!(url.target(), "/.well-known/jwks.json?v=1");
        assert!(url.is_tls() && url.allows(&([10, 0, 0, 1], 443).into()));
        let url = KeyUrl::parse("http://[::1]:8080").unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("::1", 8080, "/"));
        assert_eq!(url.authority(), "[::1]:8080");
    }

    #[test]
    fn plain_http_is_only_for_loopback() {
        for text in [
            "http://127.0.0.1:1/",
            "http://127.1.2.3/",
            "http://localhost/jwks",
            "http://[::1]/",
        ] {
            let url = KeyUrl::parse(text).unwrap();
            assert!(url.allows(&([127, 0, 0, 1], 80).into()), "{text}");
            assert!(!url.allows(&([10, 0, 0, 1], 80).into()), "{text}");
        }
        for text in [
            "http://app.example/jwks",
            "http://localhost.app.example/",
            "http://127.0.0.1.app.example/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::]/",
        ] {
            assert_eq!(KeyUrl::parse(text), Err(KeyUrlError::PlainHttp), "{text}");
        }
    }

    #[test]
    fn what_is_not_such_a_url_is_refused() {
        for text in [
            "",
            "/jwks.json",
            "app.example",
            "https://",
            "https:///x",
            "https://a b/",
        ] {
            assert_eq!(KeyUrl::parse(text), Err(KeyUrlError::NotAUrl), "{text}");
        }
        assert_eq!(
            KeyUrl::parse("ftp://app.example/"),
            Err(KeyUrlError::OtherScheme)
        );
        assert_eq!(
            KeyUrl::parse("https://ada:pw@app.example/"),
            Err(KeyUrlError::UserInfo)
        );
    }
}
