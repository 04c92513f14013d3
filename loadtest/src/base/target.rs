//! The address of the tested server.

use super::tls::TlsClient;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

/// A resolved `ws://`, `wss://`, `http://` or `https://` URL.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The first address that the host resolves to.
    pub(crate) addr: SocketAddr,
    /// `host:port` as given, for the Host header.
    pub(crate) host: String,
    /// Path and query; `/` if the URL has none.
    pub(crate) path: String,
    /// Set for `wss://` and `https://`.
    pub(crate) tls: Option<TlsClient>,
}

impl Target {
    /// Resolves `url`, which must have the given scheme (`ws` or `http`), or the same with TLS. `ca` is the file with the
    /// certificates to trust, if not those of the system.
    pub(crate) fn resolve(url: &str, scheme: &str, ca: Option<&Path>) -> Result<Self, String> {
        let rest = url.strip_prefix(scheme);
        let is_tls = rest.is_some_and(|rest| rest.starts_with('s'));
        let rest = rest
            .and_then(|rest| rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://"))
            .ok_or_else(|| wrong_scheme(url, scheme))?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let with_port = if authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            authority.to_owned()
        } else {
            format!("{authority}:{}", if is_tls { 443 } else { 80 })
        };
        let addr = with_port
            .to_socket_addrs()
            .map_err(|error| format!("`{url}`: {error}"))?
            .next()
            .ok_or_else(|| format!("`{url}` does not resolve to an address"))?;
        let name = with_port.rsplit_once(':').map_or("", |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let tls = is_tls.then(|| TlsClient::new(name, ca)).transpose()?;
        Ok(Self {
            addr,
            host: authority.to_owned(),
            path: path.to_owned(),
            tls,
        })
    }

    /// The HTTP URL of the same server.
    pub(crate) fn api_url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.addr.ip().is_loopback()
    }
}

fn wrong_scheme(url: &str, scheme: &str) -> String {
    let text = format!("`{url}` must start with {scheme}:// or {scheme}s://");
    let meant = match (url.strip_prefix("http"), scheme) {
        (Some(rest), "ws") if rest.starts_with("://") || rest.starts_with("s://") => {
            format!("ws{rest}")
        }
        _ => return text,
    };
    let meant = meant.trim_end_matches('/');
    // The page's address has no path.
    let has_path = meant.matches('/').count() > 2;
    let path = if has_path { "" } else { "/ws" };
    format!("{text}; did you mean `{meant}{path}`?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_page_is_answered_with_that_of_the_websocket() {
        for (url, end) in [
            (
                "http://127.0.0.1:3000/",
                "; did you mean `ws://127.0.0.1:3000/ws`?",
            ),
            ("http://[::1]:3000", "; did you mean `ws://[::1]:3000/ws`?"),
            (
                "https://host/live/ws",
                "; did you mean `wss://host/live/ws`?",
            ),
            ("httpd://host", ""),
            ("host:3000", ""),
        ] {
            let error = Target::resolve(url, "ws", None).expect_err("not a WebSocket address");
            assert_eq!(
                error,
                format!("`{url}` must start with ws:// or wss://{end}")
            );
        }
    }

    #[test]
    fn splits_a_url() {
        let target = Target::resolve("ws://127.0.0.1:3000/ws?x=1", "ws", None).expect("valid");
        assert_eq!(target.addr.to_string(), "127.0.0.1:3000");
        assert_eq!(
            (target.host.as_str(), target.path.as_str()),
            ("127.0.0.1:3000", "/ws?x=1")
        );
        assert!(target.is_loopback());
        let target = Target::resolve("http://[::1]", "http", None).expect("valid");
        assert_eq!(
            (target.addr.to_string().as_str(), target.path.as_str()),
            ("[::1]:80", "/")
        );
        assert!(Target::resolve("wsx://127.0.0.1/", "ws", None).is_err());
        assert!(Target::resolve("ws://:port/", "ws", None).is_err());
        let none = Some(Path::new("/no/such/file"));
        assert!(Target::resolve("wss://127.0.0.1/", "ws", none).is_err());
    }
}
