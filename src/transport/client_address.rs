//! The address of the client whose request a trusted proxy has forwarded.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::Extensions;

/// The address of a client, in the extensions of a request that a trusted proxy has forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(SocketAddr);

impl ClientAddress {
    /// An address that was forwarded, without its port. No connection comes from port 0.
    pub fn forwarded(address: IpAddr) -> Self {
        Self(SocketAddr::new(address, 0))
    }

    /// The address of the client that has made a request: one that was forwarded, or else the peer's, if
    /// the listener provides it.
    pub fn of(extensions: &Extensions) -> Option<SocketAddr> {
        let forwarded = extensions.get::<Self>().map(|forwarded| forwarded.0);
        let peer = || {
            extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|peer| peer.0)
        };
        forwarded.or_else(peer)
    }
}
