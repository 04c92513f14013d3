//! One connection as its shard holds it.

use std::sync::Arc;

use tokio::time::Instant;

use super::link::Link;
use super::mailbox::Sent;
use super::outbox::Outbox;
use crate::hub::client::{Client, Phase};

/// Where a connection is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Frames are pushed and written.
    Open,
    /// The Close frame is the last in the outbox.
    Closing { deadline: Instant },
    /// The Close frame was written and the write side shut; the peer has until `deadline`.
    Closed { deadline: Instant },
    /// The link is gone; the slot waits to be released.
    Dead,
}

#[derive(Debug)]
pub(super) struct ShardConnection {
    pub(super) client: Arc<Client>,
    pub(super) link: Link,
    pub(super) outbox: Outbox,
    pub(super) stage: Stage,
    /// On the list of connections to flush.
    pub(super) dirty: bool,
    /// The socket takes nothing now; the ready list will say when it does.
    pub(super) blocked: bool,
    /// In line for the next page of a past.
    pub(super) in_replay_queue: bool,
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl ShardConnection {
    pub(super) fn new(client: Arc<Client>, link: Link) -> Self {
        Self {
            client,
            link,
            outbox: Outbox::default(),
            stage: Stage::Open,
            dirty: false,
            blocked: false,
            in_replay_queue: false,
            messages: 0,
            bytes: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether a frame may go to the socket without passing through the outbox.
    pub(super) fn takes_direct_writes(&self) -> bool {
        self.is_open() && !self.dirty && !self.blocked
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        let phase = match stage {
            Stage::Open => Phase::Open,
            Stage::Closing { .. } | Stage::Closed { .. } => Phase::Closing,
            Stage::Dead => Phase::Closed,
        };
        if phase != self.client.phase() {
            self.client.set_phase(phase);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Closing { deadline } | Stage::Closed { deadline } => Some(deadline),
            Stage::Open | Stage::Dead => None,
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
