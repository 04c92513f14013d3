//! A connection as its shard sees it.

use std::sync::Arc;

use super::entry::Sent;
use super::link::Link;
use super::outbox::BoxedOutbox;
use super::running_clock::RunningTime;
use crate::dialect::ClassId;
use crate::hub::client::{Client, Phase};

/// How far a connection has been closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Frames are pushed and written.
    Open,
    /// The outbox ends with a Close frame. If it is not written by the deadline, the link is reset;
    /// if it is, the peer gets a new deadline.
    Closing,
    /// The Close frame is written and the write side is shut down. The peer has until the
    /// deadline to end its side.
    Closed,
    /// The link has been dropped; the slot is waiting to be released.
    Dead,
}

/// A connection's link, its outbox and the state of its writing.
///
/// It fits into one cache line, so that a run of writes reads one line per member. What few
/// connections need at a time is elsewhere: see [`BoxedOutbox`] and
/// [`Deadlines`](super::deadlines::Deadlines).
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct ShardConnection {
    pub(super) client: Arc<Client>,
    pub(super) link: Link,
    pub(super) outbox: BoxedOutbox,
    pub(super) stage: Stage,
    /// Whether the slot is in the shard's list of connections to flush.
    pub(super) dirty: bool,
    /// Whether the socket accepts no bytes. The ready list reports when it does again.
    pub(super) blocked: bool,
    /// Whether the slot is in the shard's replay queue.
    pub(super) in_replay_queue: bool,
    /// How it takes frames; `None` if the client has no connection. Kept here too, so that a
    /// broadcast to all connections does not read their clients.
    pub(super) class: Option<ClassId>,
    /// The class in which the shard lists it by the size of its outbox; 0 if it does not.
    pub(super) size_class: u8,
    /// When the first ping was written that the client has not answered yet.
    pub(super) unanswered_since: Option<RunningTime>,
    /// Since when the socket has accepted no bytes, though some are queued.
    pub(super) blocked_at: Option<RunningTime>,
    /// Messages written to the link in full.
    pub(super) messages: u64,
    /// Bytes written to the link.
    pub(super) bytes: u64,
}

impl ShardConnection {
    pub(super) fn new(client: Arc<Client>, link: Link) -> Self {
        let class = client.is_attached().then_some(client.class());
        Self {
            client,
            link,
            outbox: BoxedOutbox::default(),
            stage: Stage::Open,
            dirty: false,
            blocked: false,
            in_replay_queue: false,
            class,
            size_class: 0,
            unanswered_since: None,
            blocked_at: None,
            messages: 0,
            bytes: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether a frame may be written to the link without passing through the outbox.
    pub(super) fn can_write_directly(&self) -> bool {
        self.is_open() && !self.dirty && !self.blocked
    }

    /// Sets the stage, and the client's phase to match.
    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        let phase = match stage {
            Stage::Open => Phase::Open,
            Stage::Closing | Stage::Closed => Phase::Closing,
            Stage::Dead => Phase::Closed,
        };
        if phase != self.client.phase() {
            self.client.set_phase(phase);
        }
    }

    pub(super) fn sent(&self) -> Sent {
        Sent {
            queued_messages: self.outbox.messages(),
            queued_bytes: self.outbox.bytes(),
            messages: self.messages,
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_one_cache_line_in_a_slab_too() {
        // A slab's entry is the connection or the index of the next vacant entry.
        enum Entry {
            _Vacant(usize),
            _Occupied(ShardConnection),
        }
        assert!(size_of::<ShardConnection>() <= 64);
        assert!(size_of::<Entry>() <= 64);
    }
}
