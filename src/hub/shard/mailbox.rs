//! The bounded mailboxes through which shards are reached.
//!
//! Backpressure: a permit is reserved before anything is decided, and that is where a
//! publisher waits when a shard is behind. A shard never waits for a mailbox.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::link::Link;
use crate::hub::client::Client;
use crate::hub::log::{Replay, Sequenced};
use crate::hub::topic::{Topic, TopicId};
use crate::wire::Frame;

/// What a shard is asked to do, in this order.
#[derive(Debug)]
pub(in crate::hub) enum Entry {
    /// Take over a connection's write side.
    Connect { client: Arc<Client>, link: Link },
    /// Tell the members, then add the client, then tell the client. With `replay` it gets
    /// the publications from there on, with their offsets.
    Join {
        client: Arc<Client>,
        topic: Arc<Topic>,
        replay: Option<Replay>,
        ack: Option<Frame>,
        announce: Option<Frame>,
    },
    /// Remove the client, then tell it, then tell the members.
    Leave {
        client: Arc<Client>,
        topic: TopicId,
        ack: Option<Frame>,
        announce: Option<Frame>,
    },
    /// Push the frame to every member but one; a publication that has an offset comes
    /// with it for the members that have positions.
    Broadcast {
        topic: TopicId,
        frame: Frame,
        sequenced: Option<Sequenced>,
        /// Whether the topic's overflow policy applies to it.
        is_publication: bool,
        exclude: Option<Arc<Client>>,
        /// What the one who is left out gets in its place.
        ack: Option<Frame>,
    },
    /// Push the frame to one client.
    Send { client: Arc<Client>, frame: Frame },
    /// Answer a WebSocket ping; of many answers that wait, the oldest go.
    Pong { client: Arc<Client>, frame: Frame },
    /// Push a Close frame as the last; after `linger` the socket goes.
    Close {
        client: Arc<Client>,
        frame: Frame,
        linger: Duration,
    },
    /// Let go of the connection; `reset` when its peer did not end it too.
    Release { client: Arc<Client>, reset: bool },
    /// Report what waits for these clients and what they were sent.
    Inspect {
        clients: Vec<Arc<Client>>,
        reply: oneshot::Sender<Vec<Sent>>,
    },
}

/// What one client was sent, and what still waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages that wait in the outbox.
    pub queued_messages: usize,
    /// Bytes that wait in the outbox.
    pub queued_bytes: usize,
    /// Messages handed to the socket in full.
    pub messages: u64,
    /// Bytes handed to the socket.
    pub bytes: u64,
}

/// The shards are gone: the hub was shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hub was shut down")]
pub struct HubClosed;

#[derive(Debug)]
pub(in crate::hub) struct Mailboxes(Box<[mpsc::Sender<Entry>]>);

impl Mailboxes {
    pub(in crate::hub) fn new(senders: Vec<mpsc::Sender<Entry>>) -> Self {
        Self(senders.into())
    }

    pub(in crate::hub) fn len(&self) -> usize {
        self.0.len()
    }

    /// Waits for one place in the mailbox of each wanted shard, in ascending order so
    /// that no two callers wait for each other.
    ///
    /// Cancel safety: permits that were reserved go back.
    pub(in crate::hub) async fn reserve(
        &self,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Permits<'_>, HubClosed> {
        let mut permits = Vec::with_capacity(self.0.len());
        for (shard, sender) in self.0.iter().enumerate() {
            permits.push(if wanted(shard) {
                Some(sender.reserve().await.map_err(|_| HubClosed)?)
            } else {
                None
            });
        }
        Ok(Permits(permits))
    }
}

/// Reserved permits, at most one a shard.
#[derive(Debug)]
pub(in crate::hub) struct Permits<'a>(Vec<Option<mpsc::Permit<'a, Entry>>>);

impl Permits<'_> {
    pub(in crate::hub) fn has(&self, shard: usize) -> bool {
        self.0[shard].is_some()
    }

    /// Uses the place in the shard's mailbox; never waits.
    pub(in crate::hub) fn send(&mut self, shard: usize, entry: Entry) {
        let permit = self.0[shard].take();
        debug_assert!(permit.is_some(), "sent without a reserved place");
        if let Some(permit) = permit {
            permit.send(entry);
        }
    }
}

impl Entry {
    /// Bytes that the entry adds to an outbox.
    pub(in crate::hub) fn frame_bytes(&self) -> usize {
        match self {
            Self::Join { ack, announce, .. } | Self::Leave { ack, announce, .. } => {
                let frames = [ack, announce];
                frames.into_iter().flatten().map(Frame::len).sum()
            }
            Self::Broadcast { frame, .. }
            | Self::Send { frame, .. }
            | Self::Pong { frame, .. }
            | Self::Close { frame, .. } => frame.len(),
            Self::Connect { .. } | Self::Release { .. } | Self::Inspect { .. } => 0,
        }
    }
}
