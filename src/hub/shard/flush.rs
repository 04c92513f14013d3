//! Writes outboxes to sockets with vectored writes.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::Shard;
use super::outbox::MAX_SLICES;

impl Shard {
    /// Flushes each dirty connection once.
    pub(super) async fn flush_dirty(&mut self) {
        while let Some(slot) = self.dirty.pop() {
            let Some(connection) = self.connections.get_mut(slot as usize) else {
                continue;
            };
            connection.dirty = false;
            self.flush(slot);
            self.turn.writes += 1;
            self.yield_if_due().await;
        }
    }

    /// Called when a blocked socket may accept bytes again.
    pub(super) fn unblock(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            connection.blocked = false;
            self.mark_dirty(slot);
        }
    }

    /// Writes until the outbox is empty or the socket accepts no more.
    pub(super) fn flush(&mut self, slot: u32) {
        self.write_outbox(slot);
        self.list_by_size(slot);
    }

    fn write_outbox(&mut self, slot: u32) {
        loop {
            let connection = &mut self.connections[slot as usize];
            if connection.outbox.is_empty() {
                match connection.link.try_flush() {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.poll_blocked(slot) {
                            return;
                        }
                        continue;
                    }
                    Err(_) => return self.drop_link(slot),
                }
                connection.blocked_at = None;
                self.finish_closing(slot);
                if !self.replaying.is_empty() && self.replaying.contains_key(&slot) {
                    self.queue_replay(slot);
                }
                return;
            }
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let used = connection.outbox.gather(&mut slices);
            match connection.link.try_write_vectored(&slices[..used]) {
                Ok(0) => return self.drop_link(slot),
                Ok(count) => {
                    let completed = connection.outbox.advance(count);
                    connection.messages += completed.messages;
                    connection.bytes += count as u64;
                    connection.blocked_at = None;
                    if completed.ping {
                        connection.unanswered_since.get_or_insert(self.clock.now());
                    }
                    self.metrics.deliveries_total.add(completed.messages);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.poll_blocked(slot) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.drop_link(slot),
            }
        }
    }

    /// Checks whether the socket is blocked, and if so registers with the ready list to learn
    /// when it accepts bytes again.
    fn poll_blocked(&mut self, slot: u32) -> bool {
        let waker = self.ready.waker(slot);
        let connection = &mut self.connections[slot as usize];
        let poll = connection
            .link
            .poll_write_ready(&mut Context::from_waker(&waker));
        connection.blocked = poll == Poll::Pending;
        if connection.blocked {
            connection.blocked_at.get_or_insert(self.clock.now());
        }
        connection.blocked
    }
}
