//! Addresses to listen on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The value of `server.listen`. Port 0 takes any free port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// `127.0.0.1:3000`, `[::1]:3000`, or `3000` on 127.0.0.1.
    Address(SocketAddr),
    /// `:3000`: all addresses, IPv4 and IPv6.
    All(u16),
    /// `localhost:3000`: both loopback addresses.
    Loopback(u16),
}

/// The error for a text that is not an address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnAddress;

impl Listen {
    /// The socket addresses to bind, IPv4 first. For [`All`](Self::All), a socket on the IPv6
    /// address accepts both families.
    pub(crate) fn addresses(self) -> Vec<SocketAddr> {
        let both = |v4: Ipv4Addr, v6: Ipv6Addr, port| {
            vec![
                SocketAddr::new(IpAddr::V4(v4), port),
                SocketAddr::new(IpAddr::V6(v6), port),
            ]
        };
        match self {
            Self::Address(address) => vec![address],
            Self::All(port) => both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, port),
            Self::Loopback(port) => both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST, port),
        }
    }

    /// Whether only programs on this machine can connect.
    pub(crate) fn is_loopback(self) -> bool {
        let is_loopback = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        self.addresses().iter().all(is_loopback)
    }
}

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let port = |digits: &str| {
            let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
            let port = digits.parse().ok().filter(|_| all_digits);
            port.ok_or(NotAnAddress)
        };
        match text.rsplit_once(':') {
            None => Ok(Self::Address((Ipv4Addr::LOCALHOST, port(text)?).into())),
            Some(("", digits)) => Ok(Self::All(port(digits)?)),
            Some((host, digits)) if host.eq_ignore_ascii_case("localhost") => {
                Ok(Self::Loopback(port(digits)?))
            }
            Some(_) => text.parse().map(Self::Address).map_err(|_| NotAnAddress),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::All(port) => write!(f, ":{port}"),
            Self::Loopback(port) => write!(f, "localhost:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_abbreviated() {
        let address = |text: &str| Ok(Listen::Address(text.parse().unwrap()));
        assert_eq!("3000".parse(), address("127.0.0.1:3000"));
        assert_eq!("0.0.0.0:80".parse(), address("0.0.0.0:80"));
        assert_eq!("[::1]:0".parse(), address("[::1]:0"));
        assert_eq!(":3000".parse(), Ok(Listen::All(3000)));
        assert_eq!("localhost:3000".parse(), Ok(Listen::Loopback(3000)));
        assert_eq!("LOCALHOST:3000".parse(), Ok(Listen::Loopback(3000)));
    }

    #[test]
    fn an_address_is_loopback_if_others_cannot_reach_it() {
        let is_loopback = |text: &str| text.parse::<Listen>().map(Listen::is_loopback);
        for text in [
            "3000",
            "127.0.0.2:0",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "localhost:0",
        ] {
            assert_eq!(is_loopback(text), Ok(true), "{text}");
        }
        for text in [
            ":3000",
            "0.0.0.0:80",
            "[::]:80",
            "192.0.2.1:80",
            "[2001:db8::1]:80",
        ] {
            assert_eq!(is_loopback(text), Ok(false), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_an_address_is_refused() {
        for text in [
            "",
            ":",
            "localhost",
            "localhost:",
            "65536",
            "+80",
            ":-1",
            "::1",
            "::1:3000",
            "127.0.0.1",
            "example.com:3000",
            "127.0.0.1:http",
            "localhost:+80",
        ] {
            assert_eq!(text.parse::<Listen>(), Err(NotAnAddress), "{text}");
        }
    }
}
