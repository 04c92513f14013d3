//! Hands an event stream over from hyper to a task of its own.
//!
//! hyper keeps 16 KiB of buffers and a few more of state while a response lasts, and an event
//! stream lasts long. So hyper writes only the response's header. Once that has reached the
//! socket, the connection's task takes the socket back, and a small task writes the body.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection::SseConnection;
use super::event_stream::EventStream;
use crate::transport::socket::SocketOptions;

/// Through this, a response passes an event stream to the task of its HTTP connection. A listener
/// that supports handovers puts one into the extensions of each request.
#[derive(Debug, Clone, Default)]
pub struct Handover(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    offer: Option<Offer>,
    /// Whether everything written before the offer, up to and including the response's header,
    /// has reached the socket.
    flushed: bool,
}

/// An event stream that is handed over, and what is needed to continue it.
#[derive(Debug)]
pub struct Offer {
    pub(super) events: EventStream,
    pub(super) options: SocketOptions,
    /// Whether the response uses `Transfer-Encoding: chunked`. An HTTP/1.0 peer reads until the
    /// connection ends.
    pub(super) chunked: bool,
}

impl Offer {
    /// Continues the stream in a task of its own, until either side ends it.
    pub fn accept(self, socket: Socket) {
        let socket = socket.into_inner();
        self.options.apply(&socket);
        let tasks = self.events.tasks().clone();
        tasks.spawn(SseConnection::new(socket, self.events, self.chunked).run());
    }
}

impl Handover {
    pub(super) fn offer(&self, offer: Offer) {
        let mut state = self.0.lock();
        state.flushed = false;
        state.offer = Some(offer);
    }

    /// Takes the offered stream, once the socket is no longer needed by hyper.
    pub fn take(&self) -> Option<Offer> {
        let mut state = self.0.lock();
        if state.flushed {
            state.offer.take()
        } else {
            None
        }
    }

    fn record_flush(&self) {
        let mut state = self.0.lock();
        state.flushed = state.offer.is_some();
    }
}

/// A socket that tells its [`Handover`] when hyper has written everything.
pub struct Socket {
    stream: TcpStream,
    handover: Handover,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

impl Socket {
    /// Wraps a socket whose event streams are taken from `handover`.
    pub fn new(stream: TcpStream, handover: Handover) -> Self {
        Self { stream, handover }
    }

    /// Unwraps the socket.
    pub fn into_inner(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.handover.record_flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
