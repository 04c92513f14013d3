//! How a connection ends: closed, evicted, timed out, failed, and finally released.
//!
//! The shard only ends the link. Memberships end when the connection's own task, woken by the
//! phase change, leaves each topic and releases the slot. Until then the slot is not reused, so
//! a member list never refers to another client's connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Stage;
use super::link::Link;
use super::outbox::Outbox;
use super::{NO_SLOT, Shard};
use crate::protocol::CloseCode;
use crate::wire::Frame;

/// How long an evicted or unresponsive client has to read the Close frame.
const FORCED_CLOSE_LINGER: Duration = Duration::from_secs(1);
/// How long a client has to end its side once the Close frame is written.
const PEER_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Shard {
    /// Queues the Close frame behind everything in the outbox; nothing follows it.
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

    /// Closes a slow consumer. Its outbox is emptied first, except for a partly written frame, so
    /// that the Close frame does not wait behind the full queue.
    pub(super) fn evict(&mut self, slot: u32) {
        self.metrics.slow_consumers_total.add(1);
        let client = &self.connections[slot as usize].client;
        self.notifier
            .notify(|observer| client.unless_gone(|client| observer.evicted(client)));
        self.discard_and_close(slot, CloseCode::SlowConsumer);
    }

    /// Closes a client that did not answer pings in time.
    pub(super) fn close_unresponsive(&mut self, slot: u32) {
        self.metrics.heartbeat_timeouts_total.add(1);
        self.discard_and_close(slot, CloseCode::HeartbeatTimeout);
    }

    fn discard_and_close(&mut self, slot: u32, code: CloseCode) {
        let connection = &mut self.connections[slot as usize];
        connection.outbox.discard_unsent();
        let frame = self
            .dialects
            .of(connection.client.class())
            .close(code, None);
        self.close(slot, frame, FORCED_CLOSE_LINGER);
    }

    /// Called when the outbox is empty: if the connection is closing, its Close frame is now
    /// written, and the peer gets a deadline to end its side.
    pub(super) fn finish_closing(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if let Stage::Closing { deadline } = connection.stage {
            connection.link.shutdown_write();
            self.deadlines.remove(&(deadline, slot));
            let deadline = deadline.min(Instant::now() + PEER_CLOSE_TIMEOUT);
            connection.set_stage(Stage::Closed { deadline });
            self.deadlines.insert((deadline, slot));
        }
    }

    /// Resets a connection whose deadline has passed.
    pub(super) fn reset(&mut self, slot: u32) {
        self.connections[slot as usize].link.reset_on_close();
        self.drop_link(slot);
    }

    /// Drops a link that is of no more use. The slot stays taken until it is released.
    pub(super) fn drop_link(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if let Some(deadline) = connection.deadline() {
            self.deadlines.remove(&(deadline, slot));
        }
        connection.link.close();
        connection.link = Link::Detached;
        connection.outbox = Outbox::default();
        connection.blocked = false;
        connection.set_stage(Stage::Dead);
    }

    /// Frees the slot. The client has left every topic before.
    pub(super) fn release(&mut self, slot: u32, reset: bool) {
        if reset {
            self.connections[slot as usize].link.reset_on_close();
        }
        self.drop_link(slot);
        self.replaying.remove(&slot);
        let connection = self.connections.remove(slot as usize);
        if connection.client.is_attached() {
            self.classes.remove(connection.client.class());
        }
        connection.client.slot.store(NO_SLOT, Ordering::Relaxed);
        // The slot may still be in a work list. Its next holder is then visited once for nothing.
    }
}
