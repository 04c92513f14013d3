//! The acceptor of no listener: TLS is not part of this build.

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::transport::ClientSocket;

/// Never exists, so its methods are never called.
#[derive(Debug, Clone)]
pub enum TlsAcceptor {}

/// The right to a handshake.
#[derive(Debug)]
pub enum Place {}

impl Place {
    #[allow(clippy::unused_async, reason = "as with TLS")]
    pub async fn lost(&self) {
        match *self {}
    }
}

impl TlsAcceptor {
    #[allow(clippy::unused_async, reason = "as with TLS")]
    pub async fn place(&self) -> Place {
        match *self {}
    }

    #[allow(clippy::unused_async, reason = "as with TLS")]
    pub async fn accept(
        &self,
        _stream: TcpStream,
        _place: Place,
        _tasks: &TaskTracker,
        _stop: &CancellationToken,
    ) -> Option<ClientSocket> {
        match *self {}
    }
}
