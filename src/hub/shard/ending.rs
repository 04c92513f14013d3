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
use super::outbox::BoxedOutbox;
use super::{NO_SLOT, Shard};
use crate::protocol::CloseCode;
use crate::wire::Frame;

/// How long a client that answers no pings has to read the Close frame. It has most likely
/// vanished.
const UNRESPONSIVE_LINGER: Duration = Duration::from_secs(1);

impl Shard {
    /// Queues the Close frame behind everything in the outbox; nothing follows it. After
    /// `linger`, the link is reset.
    pub(super) fn close(&mut self, slot: u32, frame: Frame, linger: Duration) {
        let deadline = Instant::now() + linger;
        self.close_before(slot, frame, (deadline, deadline));
    }

    /// The same, with a deadline for writing the frame and one for the peer to end its side.
    fn close_before(&mut self, slot: u32, frame: Frame, (deadline, last): (Instant, Instant)) {
        let connection = &mut self.connections[slot as usize];
        if !connection.is_open() {
            return;
        }
        connection.outbox.push_last(frame);
        connection.set_stage(Stage::Closing);
        self.deadlines.set(slot, deadline, last);
        self.list_by_size(slot);
        self.mark_dirty(slot);
    }

    /// Closes a slow consumer. Its outbox is emptied first, except for a partly written frame, so
    /// that the Close frame does not wait behind the full queue. What the kernel holds is still
    /// sent: the client has [`close_timeout`](crate::hub::HubOptions::close_timeout) to read so
    /// much of it that the Close frame fits, and the same time again to read the rest.
    pub(super) fn evict(&mut self, slot: u32) {
        self.metrics.slow_consumers_total.add(1);
        let client = &self.connections[slot as usize].client;
        self.notifier
            .notify(|observer| client.unless_gone(|client| observer.evicted(client)));
        let frame = self.discard_for(slot, CloseCode::SlowConsumer);
        let deadline = Instant::now() + self.close_timeout;
        self.close_before(slot, frame, (deadline, deadline + self.close_timeout));
    }

    /// Closes a client that did not answer pings in time.
    pub(super) fn close_unresponsive(&mut self, slot: u32) {
        self.metrics.heartbeat_timeouts_total.add(1);
        let frame = self.discard_for(slot, CloseCode::HeartbeatTimeout);
        self.close(slot, frame, UNRESPONSIVE_LINGER);
    }

    /// Discards what is queued for the client, and makes its Close frame.
    fn discard_for(&mut self, slot: u32, code: CloseCode) -> Frame {
        let connection = &mut self.connections[slot as usize];
        connection.outbox.discard_unsent();
        connection.client.record_own_close(code.code());
        self.dialects
            .of(connection.client.class())
            .close(code, None)
    }

    /// Called when the outbox is empty: if the connection is closing, its Close frame is now
    /// written, and the peer gets a deadline to end its side.
    pub(super) fn finish_closing(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if connection.stage == Stage::Closing {
            connection.link.shutdown_write();
            connection.set_stage(Stage::Closed);
            let at = Instant::now() + self.close_timeout;
            let last = self.deadlines.remove(slot).unwrap_or(at);
            self.deadlines.set(slot, at.min(last), last);
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
        self.deadlines.remove(slot);
        connection.link.close();
        connection.link = Link::Detached;
        connection.outbox = BoxedOutbox::default();
        connection.blocked = false;
        connection.set_stage(Stage::Dead);
        self.list_by_size(slot);
    }

    /// Frees the slot. The client has left every topic before.
    pub(super) fn release(&mut self, slot: u32, reset: bool) {
        if reset {
            self.connections[slot as usize].link.reset_on_close();
        } else if self.connections[slot as usize].stage == Stage::Closing {
            // The peer has ended its side, but may still read: the Close frame may have come in
            // the same batch.
            self.flush(slot);
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
