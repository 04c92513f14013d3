//! The write side of a client's connection, as its shard sees it.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::pipe::Pipe;
use super::tls_socket::TlsSocket;

/// Where a shard writes a client's bytes. Only the shard that owns the client writes to it.
#[derive(Debug, Clone)]
pub enum Link {
    /// A plain TCP socket, which the shard writes directly.
    Tcp(Arc<TcpStream>),
    /// A TCP socket with TLS. The shard makes the records and writes them.
    Tls(Arc<TlsSocket>),
    /// A pipe to a task that owns a stream the shard cannot write.
    Pipe(Arc<Pipe>),
    /// No connection: the client is driven by the application through the library, and what
    /// is written to it is discarded.
    Detached,
}

impl Link {
    /// Whether there is a connection.
    pub fn is_attached(&self) -> bool {
        !matches!(self, Self::Detached)
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(socket) => socket.try_write(&[IoSlice::new(bytes)]),
            Self::Pipe(pipe) => pipe.try_write(&[IoSlice::new(bytes)]),
            Self::Detached => Ok(bytes.len()),
        }
    }

    pub(super) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            Self::Tls(socket) => socket.try_write(slices),
            Self::Pipe(pipe) => pipe.try_write(slices),
            Self::Detached => Ok(slices.iter().map(|slice| slice.len()).sum()),
        }
    }

    /// From now on, `writer` is woken when the link has to be [flushed](Self::try_flush) although it
    /// has accepted everything.
    pub(super) fn set_writer(&self, writer: impl FnOnce() -> Waker) {
        if let Self::Tls(socket) = self {
            socket.set_writer(writer());
        }
    }

    /// Writes what the link has accepted and the peer's socket has not. Only TLS keeps any.
    ///
    /// Errors: [`WouldBlock`](io::ErrorKind::WouldBlock) if there is still some.
    pub(super) fn try_flush(&self) -> io::Result<()> {
        match self {
            Self::Tls(socket) => socket.try_flush(),
            Self::Tcp(_) | Self::Pipe(_) | Self::Detached => Ok(()),
        }
    }

    /// Reads the state that the next write needs, so that it is in the cache by then.
    pub(super) fn read_ahead(&self) {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(socket) => socket.tcp(),
            Self::Pipe(_) | Self::Detached => return,
        };
        // Looks at the socket's readiness; no system call.
        let _ = stream.try_io(Interest::WRITABLE, || Ok(()));
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // The write that follows fails with the same error and handles it.
            Self::Tcp(stream) => stream.poll_write_ready(cx).map(drop),
            Self::Tls(socket) => socket.poll_write_ready(cx).map(drop),
            Self::Pipe(pipe) => pipe.poll_write_ready(cx),
            Self::Detached => Poll::Ready(()),
        }
    }

    /// Shuts down the write side; the read side stays open.
    pub(super) fn shutdown_write(&self) {
        match self {
            // Fails only if the peer is already gone.
            Self::Tcp(stream) => drop(SockRef::from(&**stream).shutdown(Shutdown::Write)),
            Self::Tls(socket) => socket.shutdown_write(),
            Self::Pipe(pipe) => pipe.close(),
            Self::Detached => {}
        }
    }

    /// Ends the shard's use of the link. A socket closes when its last owner drops it, and TLS
    /// says so before; a pipe must be closed explicitly, or its reader would wait forever.
    pub(super) fn close(&self) {
        match self {
            Self::Pipe(pipe) => pipe.close(),
            Self::Tls(socket) => socket.close(),
            Self::Tcp(_) | Self::Detached => {}
        }
    }

    /// Makes the socket close with a TCP reset when its last owner drops it, so that the kernel
    /// discards its unsent bytes.
    pub(super) fn reset_on_close(&self) {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(socket) => socket.tcp(),
            Self::Pipe(pipe) => return pipe.abort(),
            Self::Detached => return,
        };
        drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    }
}
