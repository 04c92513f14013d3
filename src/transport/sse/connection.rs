//! Writes the body of an event stream to its socket.
//!
//! There is one small task per client. While idle, it owns no buffer.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::event_stream::EventStream;
use crate::hub::Phase;
use crate::transport::client_socket::ClientSocket;
use crate::transport::socket::reset_on_close;
use crate::transport::write_deadline::WriteDeadline;

/// Maximum number of bytes that the peer may send while the stream is open. It has nothing to send,
/// so they are discarded.
const MAX_BYTES_IN: usize = 64 * 1024;
/// Bytes that are discarded at once after the end of the stream, from a buffer on the stack: very
/// many streams may end together.
const DISCARDED_BYTES: usize = 4 * 1024;
/// Such reads before other tasks get a turn.
const READS_PER_TURN: usize = 16;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A response whose body is being written.
#[derive(Debug)]
pub(super) struct SseConnection {
    socket: ClientSocket,
    events: EventStream,
    chunked: bool,
    /// The text being written. Bound: one item of an [`EventStream`].
    text: Vec<u8>,
    /// Bytes of `text` that have been written.
    written: usize,
    /// Bytes received from the peer.
    bytes_in: usize,
    deadline: WriteDeadline,
    write_timeout: Duration,
}

/// Why writing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Everything was written, including the reason for the end.
    Complete,
    /// The peer ended its side, or the connection failed.
    Peer,
    /// The shard aborted the stream, or the peer took nothing for too long: text not yet
    /// written need not be sent.
    Aborted,
}

impl SseConnection {
    pub(super) fn new(
        socket: ClientSocket,
        events: EventStream,
        chunked: bool,
        write_timeout: Duration,
    ) -> Self {
        Self {
            socket,
            events,
            chunked,
            text: Vec::new(),
            written: 0,
            bytes_in: 0,
            deadline: WriteDeadline::default(),
            write_timeout,
        }
    }

    /// Writes events as they arrive, until either side has ended the stream.
    ///
    /// A peer that ends its side or resets the connection is noticed at once. If it disappears
    /// without either (a pulled cable, a dead tunnel), the kernel notices: a heartbeat is sent
    /// every `ping_interval`, and `TCP_USER_TIMEOUT`, which is set to `pong_timeout`, ends the
    /// connection if one is not acknowledged in that time. A peer that is there but reads nothing
    /// is reset when it has accepted no bytes for the write timeout, evicted when its outbox is
    /// full, or closed (4001) when it has read nothing for `pong_timeout`.
    ///
    /// Cancel safety: dropping it disconnects the client and truncates the stream.
    pub(super) async fn run(mut self) {
        match poll_fn(|cx| self.poll(cx)).await {
            // Boxed, so that the memory for the end is not reserved while the stream lives.
            End::Complete => Box::pin(self.finish()).await,
            End::Peer => {}
            End::Aborted => reset_on_close(self.socket.tcp()),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.poll_peer(cx).is_ready() {
            return Poll::Ready(End::Peer);
        }
        loop {
            match self.poll_write_all(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(End::Peer),
                Poll::Pending => {
                    let blocked = self.deadline.poll_blocked(cx, self.write_timeout);
                    if blocked.is_ready() {
                        return Poll::Ready(End::Aborted);
                    }
                    return self.events.poll_aborted(cx).map(|()| End::Aborted);
                }
            }
            (self.text, self.written) = (Vec::new(), 0);
            match ready!(self.events.poll_next(cx)) {
                Some(text) => self.text = self.framed(text),
                None => return Poll::Ready(End::Complete),
            }
        }
    }

    /// Encodes the text as a chunk, if the response is chunked
    /// ([RFC 9112 §7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1)).
    fn framed(&self, text: Vec<u8>) -> Vec<u8> {
        if !self.chunked {
            return text;
        }
        let mut chunk = format!("{:x}\r\n", text.len()).into_bytes();
        chunk.reserve_exact(text.len() + 2);
        chunk.extend_from_slice(&text);
        chunk.extend_from_slice(b"\r\n");
        chunk
    }

    /// Completes when all of the text has reached the socket.
    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.text.len() {
            let rest = &self.text[self.written..];
            self.written += ready!(self.socket.poll_write(cx, rest))?;
            self.deadline.progressed();
        }
        ready!(self.socket.poll_flush(cx))?;
        self.deadline.progressed();
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer has ended its side, or has sent more than [`MAX_BYTES_IN`]. If the stream
    /// is ending, that much does not end it: the rest is read behind it, by [`finish`](Self::finish).
    fn poll_peer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut discarded = [0; 512];
        loop {
            if self.bytes_in >= MAX_BYTES_IN && self.events.client().phase() != Phase::Open {
                return Poll::Pending;
            }
            // Polling also replaces the waker that hyper registered.
            match ready!(self.socket.poll_read(cx, &mut discarded)) {
                Ok(count @ 1..) if self.bytes_in < MAX_BYTES_IN => self.bytes_in += count,
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Ends all subscriptions and the body, and waits until the peer has ended its side too:
    /// closing the socket earlier could discard text that the peer has not read.
    async fn finish(mut self) {
        // An error means that the hub has shut down, and there is nothing left to leave.
        let _ = self.events.leave().await;
        if self.chunked {
            // If it does not fit, the peer learns of the end when the connection ends.
            let _ = self.socket.try_write(LAST_CHUNK);
        }
        if self.socket.shutdown().await.is_err() {
            return;
        }
        if !poll_fn(|cx| self.poll_linger(cx)).await {
            reset_on_close(self.socket.tcp());
        }
    }

    /// Reads and discards until the peer has ended its side, and then returns true. Returns false at
    /// the deadline that every Close has.
    ///
    /// However much the peer sends, all of it is read: a socket closed with unread bytes is reset,
    /// and a reset may overtake the reason for the end.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.events.client().register_task(cx.waker());
        let mut discarded = [0; DISCARDED_BYTES];
        for _ in 0..READS_PER_TURN {
            if self.events.client().phase() == Phase::Closed {
                return Poll::Ready(false);
            }
            match ready!(self.socket.poll_discard(cx, &mut discarded)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(true),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
