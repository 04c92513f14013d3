//! Accepts TLS connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::NoHandshake;
use super::handshake::{Failure, end, handshake};
use super::places::{Place, Places};
use super::stats::TlsStats;
use super::threads::HandshakeThreads;
use crate::hub::TlsSocket;
use crate::transport::ClientSocket;
use crate::wire::tls::{Certificates, Records, ServerTls, TlsVersion};

/// How handshakes are made.
#[derive(Debug, Clone, Copy)]
pub struct TlsOptions {
    /// The oldest version of TLS that is accepted. Default: 1.2.
    pub min_version: TlsVersion,
    /// Threads for handshakes. Default: 1.
    pub threads: usize,
    /// Maximum number of handshakes at a time. Further connections wait until they are accepted;
    /// if all that are in progress have taken a second or more, the oldest is ended. Default: 1024.
    pub max_handshakes: usize,
    /// How long a handshake may take. Default: 10 s.
    pub timeout: Duration,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::default(),
            threads: 1,
            max_handshakes: 1024,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Makes the handshakes of a listener's connections. Cheap to clone.
///
/// A handshake is a hundred times as much work as a message. It runs on a thread of its own, so that
/// many of them at once take no time from the shards.
#[derive(Debug, Clone)]
pub struct TlsAcceptor {
    server: ServerTls,
    threads: Arc<HandshakeThreads>,
    places: Places,
    timeout: Duration,
    stats: Arc<TlsStats>,
}

impl TlsAcceptor {
    /// Starts the threads, which end when the last clone is dropped.
    ///
    /// Errors: a thread cannot be started, or the system gives no random bytes.
    pub fn start(certificates: Arc<Certificates>, options: TlsOptions) -> io::Result<Self> {
        let server = ServerTls::new(certificates.clone(), options.min_version);
        Ok(Self {
            server: server.map_err(io::Error::other)?,
            threads: Arc::new(HandshakeThreads::start(options.threads)?),
            places: Places::new(options.max_handshakes),
            timeout: options.timeout,
            stats: Arc::new(TlsStats::new(certificates)),
        })
    }

    /// What has happened so far.
    pub fn stats(&self) -> &Arc<TlsStats> {
        &self.stats
    }

    /// Waits for the right to a handshake.
    ///
    /// Cancel safety: nothing is lost.
    pub async fn place(&self) -> Place {
        self.places.take().await
    }

    /// Makes the handshake of a connection, on a handshake thread, in a task on `tasks`.
    ///
    /// Errors: it fails, takes too long, or `stop` is cancelled; the connection is closed.
    /// Cancel safety: if it is dropped, the connection is closed.
    pub async fn accept(
        &self,
        stream: TcpStream,
        place: Place,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<ClientSocket, NoHandshake> {
        // A socket belongs to the runtime that waits for it.
        let stream = stream.into_std().map_err(failed)?;
        let (sender, receiver) = oneshot::channel();
        let (acceptor, stop) = (self.clone(), stop.clone());
        let work = async move {
            let made = tokio::select! {
                made = acceptor.handshake(stream, place) => made,
                () = stop.cancelled() => Err(NoHandshake::Failed),
            };
            // Nobody waits for it if its connection's task was dropped.
            let _ = sender.send(made);
        };
        tasks.spawn_on(work, self.threads.next());
        let (stream, records) = receiver.await.map_err(failed)??;
        let stream = TcpStream::from_std(stream).map_err(failed)?;
        // Until then, the runtime does not know that it accepts bytes. The request may be here already, and
        // nobody waits to write a short answer.
        let writable = timeout(self.timeout, stream.writable()).await;
        writable.map_err(failed)?.map_err(failed)?;
        Ok(ClientSocket::Tls(Arc::new(TlsSocket::new(stream, records))))
    }

    async fn handshake(
        &self,
        stream: std::net::TcpStream,
        place: Place,
    ) -> Result<(std::net::TcpStream, Records), NoHandshake> {
        let stream = TcpStream::from_std(stream).map_err(failed)?;
        let records = Records::new(&self.server).map_err(failed)?;
        let socket = TlsSocket::new(stream, records);
        let made = tokio::select! {
            made = timeout(self.timeout, handshake(&socket)) => {
                made.unwrap_or(Err(Failure::TimedOut))
            }
            () = place.lost() => Err(Failure::Displaced),
        };
        match made {
            Ok(()) => {
                self.stats.count_handshake();
                let (stream, records) = socket.into_parts();
                Ok((stream.into_std().map_err(failed)?, records))
            }
            Err(failure) => {
                // A port scan, or a load balancer that looks whether the port is open.
                if !matches!(failure, Failure::Silent) {
                    self.stats.count_failure();
                }
                let peer = socket.tcp().peer_addr().ok().map(|peer| peer.to_string());
                tracing::debug!(peer, reason = %failure, "TLS handshake failed");
                if failure.is_answered() {
                    end(&socket).await;
                }
                Err(match failure {
                    Failure::TimedOut | Failure::Displaced => NoHandshake::Late,
                    _ => NoHandshake::Failed,
                })
            }
        }
    }
}

fn failed<E>(_error: E) -> NoHandshake {
    NoHandshake::Failed
}
