//! The socket of an HTTP connection, as this crate's own listener passes it to the HTTP library.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::http_output::HttpOutput;
use super::sse::Handover;

/// A socket whose responses are gathered, and which tells its [`Handover`] when everything has
/// been written.
pub struct HttpSocket {
    read_half: OwnedReadHalf,
    output: Arc<Mutex<HttpOutput>>,
    handover: Handover,
}

/// The same connection for the task that runs it: what is gathered is not left behind when
/// the task sleeps.
#[derive(Debug, Clone)]
pub struct HttpResponses(Arc<Mutex<HttpOutput>>);

impl HttpResponses {
    /// Writes everything that was gathered. To be called whenever the HTTP library waits.
    ///
    /// Errors: the connection has failed, or its peer has accepted no bytes for too long.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_drain(cx)
    }

    /// Gathers nothing more: the next response is the last one that the HTTP library writes.
    pub fn write_directly(&self) {
        self.0.lock().write_directly();
    }
}

impl fmt::Debug for HttpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream: &TcpStream = self.read_half.as_ref();
        stream.fmt(f)
    }
}

impl HttpSocket {
    /// Wraps a socket whose event streams are taken from `handover`. A peer that accepts no bytes
    /// for `write_timeout` is reset.
    pub fn new(stream: TcpStream, handover: Handover, write_timeout: Duration) -> Self {
        let (read_half, write_half) = stream.into_split();
        let output = HttpOutput::new(write_half, write_timeout);
        Self {
            read_half,
            output: Arc::new(Mutex::new(output)),
            handover,
        }
    }

    /// What the connection's task needs of it.
    pub fn responses(&self) -> HttpResponses {
        HttpResponses(self.output.clone())
    }

    /// Unwraps the socket. `None` cannot happen: it is taken once, with the value.
    pub fn into_inner(self) -> Option<TcpStream> {
        let write_half = self.output.lock().take_socket()?;
        self.read_half.reunite(write_half).ok()
    }
}

impl AsyncRead for HttpSocket {
    /// Writes what was gathered first. A peer that does not take it is not read from.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.output.lock().poll_drain(cx))?;
        Pin::new(&mut self.read_half).poll_read(cx, buffer)
    }
}

impl AsyncWrite for HttpSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.output.lock().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The HTTP library flushes once it has written everything that it has.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut output = self.output.lock();
        if self.handover.is_offered() {
            output.write_directly();
        }
        ready!(output.poll_flush(cx))?;
        self.handover.record_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.lock().poll_shutdown(cx)
    }
}
