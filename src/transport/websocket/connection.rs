//! The read side of one connection: decode, and end.
//!
//! It reads into a buffer that all connections of a worker thread share, so an idle connection owns
//! none. It never writes: replies go through its shard.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use futures_util::future::join;

use super::read_half::ReadHalf;
use crate::hub::{Client, HubClosed, Phase};
use crate::node::Node;
use crate::protocol::CloseCode;
use crate::session::{InboundMessage, Session};
use crate::wire::{Decoder, Event, Frame};

pub(super) const READ_BUFFER_BYTES: usize = 64 * 1024;
/// The end of a client that sends more pings and pongs than it may.
pub(super) const TOO_MANY_CONTROL_FRAMES: (u16, &str) = (1008, "too many pings and pongs");
/// Maximum number of pings per read that are answered: the newest.
const MAX_PINGS: usize = 16;
/// Reads that are discarded after a Close frame before other tasks get a turn: 1 MiB.
const READS_PER_TURN: usize = 16;
/// 1000, which answers a Close frame without a code.
const NORMAL_CLOSURE: u16 = 1000;

thread_local! {
    pub(super) static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// The read side of a connection.
pub(super) struct Reader {
    pub(super) node: Arc<Node>,
    pub(super) client: Arc<Client>,
    pub(super) read_half: ReadHalf,
    pub(super) decoder: Decoder,
}

/// Why reading stopped.
pub(super) enum End {
    /// The peer ended the stream, or the socket failed.
    Stream,
    /// A Close frame with this code must be sent, to answer the peer's or to report an error.
    Close(u16, Box<Frame>),
    /// The shard is closing the connection: eviction, heartbeat timeout, drain, or an operator.
    Shard,
}

/// A reader that is dropped in any other way gives back what it holds, too.
impl Drop for Reader {
    fn drop(&mut self) {
        self.stop_decoding();
    }
}

impl End {
    fn close(code: u16, reason: &str) -> Self {
        Self::Close(code, Box::new(Frame::close(code, reason)))
    }
}

impl Reader {
    /// Counts a panic of the session, and returns the end that it leads to.
    pub(super) fn panicked(&self) -> End {
        self.node.metrics().panics_total.add(1);
        tracing::error!(client = %self.client.id(), "a connection's task panicked");
        self.closed_with(CloseCode::InternalError)
    }

    /// The end with this code, as the client's dialect encodes it.
    fn closed_with(&self, code: CloseCode) -> End {
        let dialect = self.node.dialects().of(self.client.class());
        End::Close(code.code(), Box::new(dialect.close(code, None)))
    }

    /// Decodes all of `bytes` and passes the messages to the session. Collects the newest pings;
    /// older ones need no answer (RFC 6455 §5.5.3).
    pub(super) fn decode(
        &mut self,
        session: &mut impl Session,
        mut bytes: &mut [u8],
        pings: &mut Vec<Box<[u8]>>,
    ) -> Option<End> {
        loop {
            let (used, event) = match self.decoder.decode(bytes) {
                Ok(decoded) => decoded,
                Err(error) => {
                    let reason = error.to_string();
                    return Some(End::close(error.close_code(), &reason));
                }
            };
            match event? {
                Event::Text(text) => {
                    self.client.count_received(text.len());
                    session.accept(InboundMessage::Text(text));
                }
                Event::Binary(payload) => {
                    self.client.count_received(payload.len());
                    session.accept(InboundMessage::Binary(payload));
                }
                Event::TooLarge => session.accept(InboundMessage::TooLarge),
                Event::Ping(_) | Event::Pong(_) if !session.accept_control_frame() => {
                    let (code, reason) = TOO_MANY_CONTROL_FRAMES;
                    return Some(End::close(code, reason));
                }
                Event::Ping(payload) => {
                    if pings.len() == MAX_PINGS {
                        pings.remove(0);
                    }
                    pings.push(payload.into());
                }
                Event::Pong(_) => self.client.record_pong(),
                // RFC 6455 §5.5.1: the answer echoes the code.
                Event::Close(close) => {
                    let code = close.map_or(NORMAL_CLOSURE, |close| close.code);
                    return Some(End::close(code, ""));
                }
            }
            bytes = &mut bytes[used..];
        }
    }

    /// Charges what the decoder holds of an incomplete message to the total of all connections;
    /// `before` is what it held last time. Returns the end of the connection if that is too much.
    pub(super) fn charge(&mut self, before: usize) -> Option<End> {
        let held = self.decoder.held_bytes();
        if self.node.unfinished_messages().change(before, held) {
            return None;
        }
        self.stop_decoding();
        Some(self.closed_with(CloseCode::Overloaded))
    }

    /// Frees what the decoder holds.
    fn stop_decoding(&mut self) {
        let held = self.decoder.held_bytes();
        self.decoder.stop();
        self.node.unfinished_messages().change(held, 0);
    }

    /// Ends the connection. Returns `None`, since nothing is read any more.
    pub(super) async fn finish<O>(mut self, end: End) -> Option<O> {
        self.stop_decoding();
        // An error means that the hub has shut down, and there is nothing left to clean up.
        let _ = self.end(end).await;
        None
    }

    /// Ends the connection: sends the Close frame if there is one, leaves all rooms and channels
    /// at once, and releases the socket when the peer has ended the stream too, or after a bounded
    /// wait.
    async fn end(&mut self, end: End) -> Result<(), HubClosed> {
        let peer_ended = matches!(end, End::Stream);
        if let End::Close(code, frame) = end {
            self.node.close_with(&self.client, code, *frame).await?;
        }
        // Side by side: a room whose shard is behind must not keep the peer from reading on.
        let (node, client) = (self.node.clone(), self.client.clone());
        let linger = async { peer_ended || self.linger().await };
        let (left, peer_ended) = join(node.disconnect(&client), linger).await;
        left?;
        node.release(&client, !peer_ended)
    }

    /// Reads and discards until the peer has ended the stream, and then returns true. Returns
    /// false if the shard resets the connection at the deadline that every Close has.
    ///
    /// However much the peer sends, all of it is read: a socket closed with unread bytes is
    /// reset, and a reset may overtake the Close frame.
    async fn linger(&mut self) -> bool {
        poll_fn(|cx| {
            self.client.register_task(cx.waker());
            for _ in 0..READS_PER_TURN {
                if self.client.phase() == Phase::Closed {
                    return Poll::Ready(false);
                }
                let read =
                    READ_BUFFER.with_borrow_mut(|buffer| self.read_half.poll_discard(cx, buffer));
                if ready!(read).is_err() {
                    return Poll::Ready(true);
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}
