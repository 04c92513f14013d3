//! The proxies whose word about a client's address is believed.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;
use thiserror::Error;

use super::forwarded::{addresses, has_both, is_forwarded};

/// The networks of the proxies in front of the server.
///
/// Only from these peers are `Forwarded` or, if there is none, `X-Forwarded-For` read. The proxy must
/// append to that header, or replace it, and must not pass on the other one as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text is neither a network nor an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a network; write 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32")]
pub struct InvalidNetwork(String);

impl TrustedProxies {
    /// The proxies of these networks: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let networks = networks.into_iter().map(|text| {
            let single = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
            let network = text.parse().ok().or_else(|| single(text));
            let network = network.ok_or_else(|| InvalidNetwork(text.to_owned()))?;
            Ok(canonical(network))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a peer is one of them.
    pub fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }

    /// The address of the client whose request `peer` has forwarded: from the end of the header, the
    /// first one that is not trusted; if something is not readable there, the one that has said it.
    /// `None` if it is that of `peer`.
    pub(crate) fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if self.is_empty() || !self.contains(peer) {
            return None;
        }
        let mut client = None;
        for address in addresses(headers) {
            let Some(address) = address else {
                break;
            };
            client = Some(address);
            if !self.contains(address) {
                break;
            }
        }
        client
    }

    /// Whether `peer` is trusted and passes on both headers: one of them is probably the client's own.
    pub(crate) fn gets_both(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        has_both(headers) && self.contains(peer)
    }

    /// Whether `peer` is not trusted and yet says for whom it forwards a request.
    pub(crate) fn ignores(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        is_forwarded(headers) && !self.contains(peer)
    }
}

/// A network of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.0/104`) is one of IPv4: peers are
/// compared by their IPv4 addresses.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) => v6
            .addr()
            .to_ipv4_mapped()
            .zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    let v4 = mapped.and_then(|(address, length)| IpNet::new(address.into(), length).ok());
    v4.unwrap_or(network)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(proxies: &TrustedProxies, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let client = proxies.client_behind(peer.parse().unwrap(), &headers);
        client.map_or_else(|| "peer".to_owned(), |client| client.to_string())
    }

    #[test]
    fn the_client_is_the_first_address_from_the_end_that_is_not_trusted() {
        let proxies = TrustedProxies::new([
            "10.0.0.0/8",
            "2001:db8:1::/48",
            "192.0.2.7",
            "::ffff:172.16.0.0/108",
        ])
        .unwrap();
        for (peer, lines, expected) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["203.0.113.9, 10.2.3.4, 192.0.2.7"],
                "203.0.113.9",
            ),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("2001:db8:1::5", &["203.0.113.9"], "203.0.113.9"),
            ("172.16.9.9", &["203.0.113.9"], "203.0.113.9"),
            // Nobody else is believed.
            ("203.0.113.1", &["6.6.6.6"], "peer"),
            ("192.0.2.8", &["6.6.6.6"], "peer"),
            ("2001:db8:2::5", &["6.6.6.6"], "peer"),
            // What is not readable is as far as it goes.
            ("10.0.0.1", &["unknown"], "peer"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.2.3.4"], "10.2.3.4"),
            // A client inside a trusted network.
            ("10.0.0.1", &["10.9.9.9"], "10.9.9.9"),
            ("10.0.0.1", &[], "peer"),
        ] {
            assert_eq!(client(&proxies, peer, lines), expected, "{peer} {lines:?}");
        }
        let nobody = TrustedProxies::default();
        assert_eq!(client(&nobody, "127.0.0.1", &["6.6.6.6"]), "peer");
    }

    #[test]
    fn a_text_that_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0",
            "example.com",
            "10.0.0.0/8 ",
            "::/129",
        ] {
            let error = TrustedProxies::new([text]).unwrap_err();
            assert!(error.to_string().contains("write 10.0.0.0/8"), "{text}");
        }
    }
}
