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
    has_warned_of_both: AtomicBool,
}

impl Peers {
    pub(super) fn new(options: ServeOptions) -> Self {
        Self {
            options,
            has_warned: AtomicBool::new(false),
            has_warned_of_both: AtomicBool::new(false),
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
        if !self.has_warned_of_both.load(Ordering::Relaxed)
            && proxies.gets_both(peer.ip(), headers)
            && !self.has_warned_of_both.swap(true, Ordering::Relaxed)
        {
            warn_of_both(peer.ip());
        }
        let client = proxies.client_behind(peer.ip(), headers);
        client.map(ClientAddress::forwarded)
    }
}

fn warn_of_both(peer: IpAddr) {
    tracing::warn!(
        %peer,
        "a trusted proxy passes on both Forwarded and X-Forwarded-For, and Forwarded is believed; let it \
         remove the one that it does not set: a client can write there whatever it likes"
    );
}

fn warn(peer: IpAddr) {
    tracing::warn!(
        %peer,
        "a peer says for whom it forwards requests, and is not in network.trusted_proxies; if it is \
         your proxy, list it there: until then, all of its clients have its address"
    );
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::wire::TrustedProxies;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// From where a connection comes that `proxy` has opened and begun with this header.
    async fn origin(proxy: &str, header: &str) -> Option<String> {
        let peers = Peers::new(ServeOptions {
            trusted_proxies: TrustedProxies::new(["127.0.0.0/8", "192.0.2.0/24"]).unwrap(),
            proxy_protocol: true,
            ..ServeOptions::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut stream, mut peer) = (accepted.unwrap().0, peer.unwrap());
        peer.write_all(header.as_bytes()).await.unwrap();
        let origin = peers
            .origin_of(&mut stream, proxy.parse().unwrap(), PATIENCE)
            .await;
        let is_refused = peers.options.limited.get(Limit::ProxyHeader) == 1;
        assert_eq!(origin.is_none(), is_refused);
        origin.map(|origin| origin.to_string())
    }

    #[tokio::test]
    async fn no_header_makes_a_client_elsewhere_a_program_on_this_machine() {
        let (here, elsewhere) = ("127.0.0.1:9", "192.0.2.1:9");
        let local = "PROXY TCP4 127.0.0.1 127.0.0.1 7 80\r\n";
        let mapped = "PROXY TCP6 ::ffff:127.0.0.1 ::1 7 80\r\n";
        let client = "PROXY TCP4 203.0.113.9 192.0.2.1 7 80\r\n";
        for (proxy, header, expected) in [
            (here, client, Some("203.0.113.9:7")),
            (elsewhere, client, Some("203.0.113.9:7")),
            (here, local, Some("127.0.0.1:7")),
            (elsewhere, local, Some(elsewhere)),
            (elsewhere, mapped, Some(elsewhere)),
            (elsewhere, "PROXY UNKNOWN\r\n", Some(elsewhere)),
            ("198.51.100.1:9", client, None),
            (here, "GET / HTTP/1.1\r\n\r\n", None),
        ] {
            let found = origin(proxy, header).await;
            assert_eq!(found.as_deref(), expected, "{proxy} {header}");
        }
    }
}
