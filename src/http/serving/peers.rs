//! Who is at the other end of a connection, if there is a proxy between.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::net::TcpStream;

use super::options::ServeOptions;
use crate::limits::Limit;
use crate::transport::{ClientAddress, PROXY_HEADER_TIMEOUT, read_proxy_header};

/// What is known about proxies, and whether somebody was warned.
#[derive(Debug)]
pub(super) struct Peers {
    pub(super) options: ServeOptions,
    has_warned: AtomicBool,
}

impl Peers {
    pub(super) fn new(options: ServeOptions) -> Self {
        Self {
            options,
            has_warned: AtomicBool::new(false),
        }
    }

    /// The address from which a connection comes. If it has to begin with a PROXY header, reads that.
    /// `None` if the connection is to be closed.
    ///
    /// Cancel safety: not cancel safe; what was read is lost.
    pub(super) async fn origin_of(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        patience: Duration,
    ) -> Option<SocketAddr> {
        if !self.options.proxy_protocol {
            return Some(peer);
        }
        let read = if self.options.trusted_proxies.contains(peer.ip()) {
            read_proxy_header(stream, patience.min(PROXY_HEADER_TIMEOUT)).await
        } else {
            Err(Error::new(
                ErrorKind::PermissionDenied,
                "the peer is not a trusted proxy",
            ))
        };
        match read {
            Ok(origin) => {
                let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
                let origin = origin.map(canonical);
                // Nobody elsewhere is a program on this machine.
                let is_false = |at: &SocketAddr| at.ip().is_loopback() && !peer.ip().is_loopback();
                Some(origin.filter(|at| !is_false(at)).unwrap_or(peer))
            }
            Err(error) => {
                self.options.limited.count(Limit::ProxyHeader);
                tracing::debug!(%peer, %error, "closed: it must begin with a PROXY header");
                None
            }
        }
    }

    /// The client whose request `peer` has forwarded, if it is a trusted proxy and says so.
    pub(super) fn client_behind(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Option<ClientAddress> {
        let proxies = &self.options.trusted_proxies;
        if !self.has_warned.load(Ordering::Relaxed)
            && proxies.ignores(peer.ip(), headers)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            warn(peer.ip());
        }
        let client = proxies.client_behind(peer.ip(), headers);
        client.map(ClientAddress::forwarded)
    }
}

fn warn(peer: IpAddr) {
    tracing::warn!(
        %peer,
        "a peer says for whom it forwards requests, and is not in network.trusted_proxies; if it is \
         your proxy, list it there: until then, all of its clients have its address"
    );
}
