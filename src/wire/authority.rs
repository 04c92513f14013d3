//! Host and port, as in `Host` and in an origin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host with an optional port ([RFC 3986 §3.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2)), without a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

/// A host, so that equal ones are equal however they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A name in lower case.
    Name(String),
    Address(IpAddr),
}

impl Authority {
    /// `None` if the text is not a name or address with an optional port.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address are inside its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (text, ""),
        };
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        let host = Host::parse(host)?;
        Some(Self { host, port })
    }

    /// Whether it names this machine: `localhost`, a name under it, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Address(address) => address.to_canonical().is_loopback(),
        }
    }

    /// Whether it is an IP address, which no DNS server can make another one.
    pub fn is_address(&self) -> bool {
        matches!(self.host, Host::Address(_))
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_name = !text.is_empty() && text.bytes().all(fits);
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Authority {
        Authority::parse(text).unwrap_or_else(|| panic!("{text:?}"))
    }

    #[test]
    fn equal_hosts_are_equal_however_they_are_written() {
        for (one, other) in [
            ("App.Example", "app.example"),
            ("app.example:", "app.example"),
            ("[::1]:80", "[0:0:0:0:0:0:0:1]:0080"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(parsed(one), parsed(other), "{one} {other}");
        }
        for (one, other) in [
            ("app.example", "app.example."),
            ("app.example", "app.example:80"),
            ("[::1]", "127.0.0.1"),
            ("a", "b"),
        ] {
            assert_ne!(parsed(one), parsed(other), "{one} {other}");
        }
    }

    #[test]
    fn loopback_is_what_only_this_machine_can_be() {
        for text in [
            "localhost",
            "LOCALHOST:3000",
            "app.localhost",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(parsed(text).is_loopback(), "{text}");
        }
        for text in [
            "localhost.example",
            "evillocalhost",
            "127.0.0.1.example",
            "example.com",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "localhost.",
        ] {
            assert!(!parsed(text).is_loopback(), "{text}");
        }
        assert!(parsed("10.0.0.1:80").is_address() && parsed("[::]").is_address());
        assert!(!parsed("localhost").is_address() && !parsed("10.0.0.1.example").is_address());
    }

    #[test]
    fn text_that_is_not_an_authority_is_none() {
        for text in [
            "",
            ":80",
            "a b",
            "a/b",
            "u@a",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "[::1",
            "::1",
            "[a]",
            "[127.0.0.1]",
            "größe.example",
            "*.a",
            "a,b",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
