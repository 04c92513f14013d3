//! The address of a client's peer, in few bytes.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// An optional address in 16 bytes instead of 32. One of IPv6 is boxed.
#[derive(Debug)]
pub(super) enum PeerAddress {
    Unknown,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl PeerAddress {
    pub(super) fn get(&self) -> Option<SocketAddr> {
        match self {
            Self::Unknown => None,
            Self::V4(address) => Some(SocketAddr::V4(*address)),
            Self::V6(address) => Some(SocketAddr::V6(**address)),
        }
    }
}

impl From<Option<SocketAddr>> for PeerAddress {
    fn from(address: Option<SocketAddr>) -> Self {
        match address {
            None => Self::Unknown,
            Some(SocketAddr::V4(address)) => Self::V4(address),
            Some(SocketAddr::V6(address)) => Self::V6(Box::new(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_any_kind_is_kept_exactly() {
        assert_eq!(size_of::<PeerAddress>(), 16);
        let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 443, 7, 3);
        let addresses = [
            None,
            Some("192.0.2.1:65535".parse().unwrap()),
            Some(v6.into()),
        ];
        for address in addresses {
            assert_eq!(PeerAddress::from(address).get(), address);
        }
    }
}
