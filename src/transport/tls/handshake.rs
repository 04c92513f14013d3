//! One handshake.

use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::timeout;

use crate::hub::TlsSocket;
use crate::transport::client_socket::poll_read_tcp;

/// The first byte of every TLS connection: the type of the record with the client's first message
/// ([RFC 8446 §5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)).
const HANDSHAKE_RECORD: u8 = 22;
/// Maximum number of bytes that are received at once.
const MAX_READ: usize = 16 * 1024;
/// How long a peer whose handshake has failed has to read why.
const LINGER: Duration = Duration::from_secs(1);

/// The answer to a client that speaks HTTP without TLS.
const USE_HTTPS: &str = "HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 72\r\n\
    Connection: close\r\n\
    \r\n\
    This port speaks TLS: use https:// instead of http://, wss:// not ws://\n";

/// Why a handshake has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it took too long")]
    TimedOut,
    #[error("too many others are in progress, and it took the longest")]
    Displaced,
    #[error("the peer has sent nothing")]
    Silent,
    #[error("the peer speaks HTTP without TLS")]
    PlainHttp,
    #[error("{0}")]
    Socket(#[from] io::Error),
}

impl Failure {
    /// Whether the peer was sent something that it shall be able to read.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Self::PlainHttp => true,
            // An alert.
            Self::Socket(error) => error.kind() == io::ErrorKind::InvalidData,
            Self::TimedOut | Self::Displaced | Self::Silent => false,
        }
    }
}

/// Makes the handshake. It sets no deadline.
pub(super) async fn handshake(socket: &TlsSocket) -> Result<(), Failure> {
    let mut first = [0];
    // A probe may end in order or with a reset.
    if !matches!(socket.tcp().peek(&mut first).await, Ok(1)) {
        return Err(Failure::Silent);
    }
    if first[0] != HANDSHAKE_RECORD && first[0].is_ascii_alphabetic() {
        // Best effort. An empty send buffer takes so few bytes at once.
        let _ = socket.tcp().try_write(USE_HTTPS.as_bytes());
        return Err(Failure::PlainHttp);
    }
    loop {
        flush(socket).await?;
        if !socket.is_handshaking() {
            return Ok(());
        }
        let received = receive(socket).await;
        if received.is_err() {
            // There may be an alert that says why.
            let _ = timeout(LINGER, flush(socket)).await;
        }
        received?;
    }
}

async fn receive(socket: &TlsSocket) -> io::Result<()> {
    poll_fn(|cx| {
        loop {
            ready!(socket.tcp().poll_read_ready(cx))?;
            match socket.receive(&mut [], MAX_READ) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received.map(drop)),
            }
        }
    })
    .await
}

async fn flush(socket: &TlsSocket) -> io::Result<()> {
    poll_fn(|cx| {
        loop {
            match socket.try_flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(socket.poll_write_ready(cx))?;
                }
                flushed => return Poll::Ready(flushed),
            }
        }
    })
    .await
}

/// Ends the write side, then discards what the peer sends until it has ended its side, or for a
/// second: closing the socket at once could discard what it has not read.
pub(super) async fn end(socket: &TlsSocket) {
    socket.shutdown_write();
    let mut discarded = vec![0; 4096];
    let discarding = async {
        while poll_fn(|cx| poll_read_tcp(socket.tcp(), cx, &mut discarded))
            .await
            .is_ok_and(|count| count > 0)
        {}
    };
    let _ = timeout(LINGER, discarding).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_without_tls_is_a_whole_response() {
        let (head, body) = USE_HTTPS.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
    }
}
