//! The write side of one client, as its shard sees it.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use super::pipe::Pipe;

/// Where a shard writes a client's bytes. Only the shard that owns the client writes.
#[derive(Debug, Clone)]
pub enum Link {
    /// A plain TCP socket, written by the shard itself.
    Tcp(Arc<TcpStream>),
    /// Bytes for a task that owns a stream the shard cannot write.
    Pipe(Arc<Pipe>),
    /// Nobody: a client that is driven through the library and has no connection.
    Detached,
}

impl Link {
    /// Whether a connection stands behind the link.
    pub fn is_attached(&self) -> bool {
        !matches!(self, Self::Detached)
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Pipe(pipe) => pipe.try_write(&[IoSlice::new(bytes)]),
            Self::Detached => Ok(bytes.len()),
        }
    }

    pub(super) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            Self::Pipe(pipe) => pipe.try_write(slices),
            Self::Detached => Ok(slices.iter().map(|slice| slice.len()).sum()),
        }
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // An error is met again, and handled, by the write that follows.
            Self::Tcp(stream) => stream.poll_write_ready(cx).map(drop),
            Self::Pipe(pipe) => pipe.poll_write_ready(cx),
            Self::Detached => Poll::Ready(()),
        }
    }

    /// Says that nothing more will be written; the read side stays open.
    pub(super) fn shutdown_write(&self) {
        match self {
            // Fails only when the peer is gone already.
            Self::Tcp(stream) => drop(SockRef::from(&**stream).shutdown(Shutdown::Write)),
            Self::Pipe(pipe) => pipe.close(),
            Self::Detached => {}
        }
    }

    /// Says that the shard has no more use for the link. A socket goes with its last owner;
    /// a pipe has to be told, or its reader would wait for ever.
    pub(super) fn let_go(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.close();
        }
    }

    /// Makes the socket vanish with a reset when its last owner drops it, so that the
    /// kernel keeps none of its unsent bytes.
    pub(super) fn reset_on_close(&self) {
        match self {
            Self::Tcp(stream) => drop(SockRef::from(&**stream).set_linger(Some(Duration::ZERO))),
            Self::Pipe(pipe) => pipe.abort(),
            Self::Detached => {}
        }
    }
}
