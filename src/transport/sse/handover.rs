//! How an event stream leaves the HTTP library that answered its request.
//!
//! The library keeps 16 KiB of buffers and a few more of state for as long as a response
//! lasts, and this one lasts. So it writes the head; when the head has reached the socket,
//! the connection's task takes the socket back and a small task writes the body.

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

/// One connection's place where a response leaves an event stream for the connection's
/// task. A listener that knows how to hand over puts it into each request's extensions.
#[derive(Debug, Clone, Default)]
pub struct Handover(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    offer: Option<Offer>,
    /// All that was written before the offer, the response's head the last of it, has
    /// reached the socket.
    flushed: bool,
}

/// An event stream and how it is to be carried on.
#[derive(Debug)]
pub struct Offer {
    pub(super) events: EventStream,
    pub(super) options: SocketOptions,
    /// Whether the head said `transfer-encoding: chunked`: an HTTP/1.0 peer reads to the end.
    pub(super) chunked: bool,
}

impl Offer {
    /// Carries the stream on, on a task of its own, until either side ends it.
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

    /// The stream that was offered, once the socket is free.
    pub fn take(&self) -> Option<Offer> {
        let mut state = self.0.lock();
        if state.flushed {
            state.offer.take()
        } else {
            None
        }
    }

    fn note_flush(&self) {
        let mut state = self.0.lock();
        state.flushed = state.offer.is_some();
    }
}

/// A socket that notes when an HTTP connection has nothing left to write.
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
    /// A socket whose event streams can be taken from `handover`.
    pub fn new(stream: TcpStream, handover: Handover) -> Self {
        Self { stream, handover }
    }

    /// The socket alone.
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

    /// An HTTP connection flushes when all it had to write is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.handover.note_flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
