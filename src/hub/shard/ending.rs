//! How a connection ends: closing, eviction, silence, loss, release.
//!
//! The shard only ends the link. Memberships end when the connection's own task, woken by
//! the phase, leaves each topic and releases the slot; until then the slot stays taken,
//! so a member list never names somebody else's connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Stage;
use super::link::Link;
use super::outbox::Outbox;
use super::{NO_SLOT, Shard};
use crate::hub::topic::EVERYONE;
use crate::protocol::CloseCode;
use crate::wire::Frame;

/// How long a client that was evicted or fell silent may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a client that was written everything has to end the stream too.
const ANSWER: Duration = Duration::from_secs(5);

impl Shard {
    /// Queues the Close frame behind what waits; nothing follows it.
    pub(super) fn close(&mut self, slot: u32, frame: Frame, linger: Duration) {
        let connection = &mut self.connections[slot as usize];
        if !connection.is_open() {
            return;
        }
        connection.outbox.push_last(frame);
        let deadline = Instant::now() + linger;
        connection.set_stage(Stage::Closing { deadline });
        self.deadlines.insert((deadline, slot));
        self.mark_dirty(slot);
    }

    /// Ends a slow consumer: what waits for it is dropped, and the reason goes to the
    /// socket directly, not through the queue that is full.
    pub(super) fn evict(&mut self, slot: u32) {
        self.metrics.slow_consumers_total.add(1);
        let client = &self.connections[slot as usize].client;
        self.teller
            .tell(|to| client.unless_gone(|client| to.evicted(client)));
        self.close_at_once(slot, CloseCode::SlowConsumer);
    }

    /// Ends a client whose pong did not come in time.
    pub(super) fn end_silent(&mut self, slot: u32) {
        self.metrics.heartbeat_timeouts_total.add(1);
        self.close_at_once(slot, CloseCode::HeartbeatTimeout);
    }

    fn close_at_once(&mut self, slot: u32, why: CloseCode) {
        self.connections[slot as usize].outbox.discard_waiting();
        self.close(slot, self.dialect.close(why, None), LAST_WORDS);
    }

    /// The Close frame is written: the peer reads the end of the stream and answers it.
    pub(super) fn finish_closing(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if let Stage::Closing { deadline } = connection.stage {
            connection.link.shutdown_write();
            self.deadlines.remove(&(deadline, slot));
            let deadline = deadline.min(Instant::now() + ANSWER);
            connection.set_stage(Stage::Closed { deadline });
            self.deadlines.insert((deadline, slot));
        }
    }

    /// The deadline of a closing connection has passed.
    pub(super) fn cut_off(&mut self, slot: u32) {
        self.connections[slot as usize].link.reset_on_close();
        self.lose(slot);
    }

    /// The link is of no more use; the slot waits for its release.
    pub(super) fn lose(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if let Some(deadline) = connection.deadline() {
            self.deadlines.remove(&(deadline, slot));
        }
        connection.link.let_go();
        connection.link = Link::Detached;
        connection.outbox = Outbox::default();
        connection.blocked = false;
        connection.set_stage(Stage::Dead);
    }

    /// Frees the slot. Every topic was left before.
    pub(super) fn release(&mut self, slot: u32, reset: bool) {
        if reset {
            self.connections[slot as usize].link.reset_on_close();
        }
        self.lose(slot);
        self.remove_member(EVERYONE, slot);
        self.replaying.remove(&slot);
        let connection = self.connections.remove(slot as usize);
        connection.client.slot.store(NO_SLOT, Ordering::Relaxed);
        if connection.dirty {
            self.dirty.retain(|&dirty| dirty != slot);
        }
        if connection.in_replay_queue {
            self.replay_queue
                .retain(|&in_replay_queue| in_replay_queue != slot);
        }
    }
}
