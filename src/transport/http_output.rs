//! Gathers the responses of a connection before they are written to its socket.
//!
//! The responses to pipelined requests are written together: before more requests are read, when
//! they reach a limit, and before the connection's task sleeps. So no response waits for a request
//! that has not arrived, and nothing is read from a peer that does not read its responses.

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::client_socket::SocketWriter;
use super::socket::reset_on_close;
use super::write_deadline::WriteDeadline;

/// Maximum number of bytes that are gathered.
const MAX_BYTES: usize = 32 * 1024;

/// The write side of a connection that an HTTP library writes to.
pub(super) struct HttpOutput {
    /// `None` once a WebSocket or an event stream has taken the socket.
    socket: Option<SocketWriter>,
    /// Gathered bytes; none while the connection is idle. Bound: [`MAX_BYTES`].
    gathered: Vec<u8>,
    /// Bytes of `gathered` that have been written.
    written: usize,
    /// Whether everything is written at once, because the connection is about to become a WebSocket
    /// or an event stream.
    is_direct: bool,
    deadline: WriteDeadline,
    timeout: Duration,
}

impl fmt::Debug for HttpOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOutput")
            .field("gathered", &self.gathered.len())
            .field("written", &self.written)
            .field("is_direct", &self.is_direct)
            .finish_non_exhaustive()
    }
}

/// The HTTP library drops a connection that wanted to become something else, and may not.
impl Drop for HttpOutput {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.end();
        }
    }
}

impl HttpOutput {
    /// A peer that accepts no bytes for `timeout` is reset.
    pub(super) fn new(socket: SocketWriter, timeout: Duration) -> Self {
        Self {
            socket: Some(socket),
            gathered: Vec::new(),
            written: 0,
            is_direct: false,
            deadline: WriteDeadline::default(),
            timeout,
        }
    }

    /// Takes the socket, after which nothing can be written here.
    pub(super) fn take_socket(&mut self) -> Option<SocketWriter> {
        self.socket.take()
    }

    /// From now on, a flush completes only when everything has been written to the socket.
    pub(super) fn write_directly(&mut self) {
        self.is_direct = true;
    }

    /// Gathers bytes or, if they are too many, writes them.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.is_direct || self.gathered.len() + length > MAX_BYTES {
            ready!(self.poll_drain(cx))?;
        }
        if self.is_direct || length > MAX_BYTES {
            return self.poll_send(cx, slices);
        }
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }

    /// Complete at once, unless everything is written directly.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_direct {
            return self.poll_drain(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes everything that was gathered.
    ///
    /// Errors: that of the socket, or [`TimedOut`](io::ErrorKind::TimedOut), after which closing
    /// the socket resets the connection.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let gathered = std::mem::take(&mut self.gathered);
            let sent = self.poll_send(cx, &[IoSlice::new(&gathered[self.written..])]);
            self.gathered = gathered;
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        (self.gathered, self.written) = (Vec::new(), 0);
        // Otherwise nothing is blocked, and nothing has progressed.
        if self.socket.as_ref().is_some_and(SocketWriter::is_pending) {
            return self.poll_socket(cx, SocketWriter::poll_flush);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        if self.socket.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.poll_socket(cx, SocketWriter::poll_shutdown)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_socket(cx, |socket, cx| socket.poll_write_vectored(cx, slices))
    }

    /// Polls the socket, until its peer has accepted no bytes for too long.
    fn poll_socket<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut SocketWriter, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if let Poll::Ready(done) = poll(socket, cx) {
            self.deadline.progressed();
            return Poll::Ready(done);
        }
        ready!(self.deadline.poll_blocked(cx, self.timeout));
        reset_on_close(socket.tcp());
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
