//! The body of one event stream on its socket.
//!
//! One small task a client. Idle, it owns no buffer.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::event_stream::EventStream;
use crate::hub::Phase;
use crate::transport::socket::reset_on_close;

/// Bytes that a peer with nothing to say may send all the same; they are thrown away.
const MAX_BYTES_IN: usize = 64 * 1024;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A response that is being written.
#[derive(Debug)]
pub(super) struct SseConnection {
    socket: TcpStream,
    events: EventStream,
    chunked: bool,
    /// What the socket has not taken yet. Bound: as much as an [`EventStream`] gives.
    text: Vec<u8>,
    written: usize,
    bytes_in: usize,
}

/// Why writing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All was written, the reason for the end the last of it.
    Complete,
    /// The peer went, or was given up by the kernel.
    Peer,
    /// The shard gave the client up: what waits is not worth sending any more.
    Aborted,
}

impl SseConnection {
    pub(super) fn new(socket: TcpStream, events: EventStream, chunked: bool) -> Self {
        Self {
            socket,
            events,
            chunked,
            text: Vec::new(),
            written: 0,
            bytes_in: 0,
        }
    }

    /// Writes events as they come, until either side has ended the stream.
    ///
    /// A peer that ends its side, or resets, is noticed at once. One that vanished without
    /// a word (a cable, a tunnel) is noticed by the kernel: a heartbeat goes out every
    /// `ping_interval`, and `TCP_USER_TIMEOUT`, which is `pong_timeout`, ends the
    /// connection when one was not acknowledged for so long. One that is there and
    /// takes nothing is evicted when its outbox is full, or closed (4001) when nothing
    /// of it was taken for `pong_timeout`.
    ///
    /// Cancel safety: dropped, it cleans up and cuts the stream short.
    pub(super) async fn run(mut self) {
        match poll_fn(|cx| self.poll(cx)).await {
            // Boxed, so that a stream that lives on does not hold the room for its end.
            End::Complete => Box::pin(self.finish()).await,
            End::Peer => {}
            End::Aborted => reset_on_close(&self.socket),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.poll_peer(cx).is_ready() {
            return Poll::Ready(End::Peer);
        }
        loop {
            while self.written < self.text.len() {
                match self.poll_write(cx) {
                    Poll::Ready(Ok(count)) => self.written += count,
                    Poll::Ready(Err(_)) => return Poll::Ready(End::Peer),
                    Poll::Pending => {
                        return self.events.poll_aborted(cx).map(|()| End::Aborted);
                    }
                }
            }
            (self.text, self.written) = (Vec::new(), 0);
            match ready!(self.events.poll_next(cx)) {
                Some(text) => self.text = self.framed(text),
                None => return Poll::Ready(End::Complete),
            }
        }
    }

    /// RFC 9112 §7.1.
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

    fn poll_write(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_write_ready(cx))?;
            match self.socket.try_write(&self.text[self.written..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Ready when the peer has ended its side, or says too much for one that has
    /// nothing to say.
    fn poll_peer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut thrown_away = [0; 512];
        loop {
            // Asking for readiness also takes the place of the HTTP library's waker.
            if ready!(self.socket.poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match self.socket.try_read(&mut thrown_away) {
                Ok(count @ 1..) if self.bytes_in < MAX_BYTES_IN => self.bytes_in += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Ends the body and waits, within the bound that every Close has, until the peer has
    /// ended the stream too: a socket that is closed earlier could take the last words
    /// back. Every channel is left at once.
    async fn finish(mut self) {
        // An error means that the hub is gone, and with it all there is to leave.
        let _ = self.events.leave().await;
        if self.chunked {
            // Fits, or the peer learns of the end by the end of the stream.
            let _ = self.socket.try_write(LAST_CHUNK);
        }
        if self.socket.shutdown().await.is_err() {
            return;
        }
        let peer_ended = poll_fn(|cx| {
            self.events.client().register_task(cx.waker());
            if self.events.client().phase() == Phase::Closed {
                return Poll::Ready(false);
            }
            self.poll_peer(cx).map(|()| true)
        });
        if !peer_ended.await {
            reset_on_close(&self.socket);
        }
    }
}
