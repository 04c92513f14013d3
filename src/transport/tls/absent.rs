//! The acceptor of no listener: TLS is not part of this build.

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::NoHandshake;
use crate::transport::ClientSocket;

/// Never exists, so its methods are never called.
#[derive(Debug, Clone)]
pub struct TlsAcceptor(Never);

#[derive(Debug, Clone, Copy)]
enum Never {}

/// The right to a handshake.
#[derive(Debug)]
pub struct Place;

impl Place {
    #[allow(missing_docs, reason = "as with TLS")]
    pub async fn lost(&self) {
        std::future::pending::<()>().await;
    }
}

#[allow(missing_docs, reason = "as with TLS")]
impl TlsAcceptor {
    #[allow(clippy::unused_async, reason = "as with TLS")]
    pub async fn place(&self) -> Place {
        match self.0 {}
    }

    #[allow(clippy::unused_async, reason = "as with TLS")]
    pub async fn accept(
        &self,
        _stream: TcpStream,
        _place: Place,
        _tasks: &TaskTracker,
        _stop: &CancellationToken,
    ) -> Result<ClientSocket, NoHandshake> {
        match self.0 {}
    }
}
