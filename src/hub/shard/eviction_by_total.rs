//! Evictions because all outboxes together exceed their total: the client with the largest goes
//! first.
//!
//! Blocked connections are listed by the size class of their outbox, its binary logarithm, so
//! that finding the largest costs the same however many there are. A shard evicts only its own
//! clients. If another shard has a larger outbox, it asks that one.

use super::Shard;
use crate::hub::replies::unread_bytes;

/// Evictions before other work gets a turn.
const MAX_EVICTIONS_PER_TURN: usize = 64;

/// A class per power of two, from 1 on; 0 is not listed.
pub(super) fn class_of(bytes: usize) -> u8 {
    (usize::BITS - bytes.leading_zeros()) as u8
}

impl Shard {
    /// Counts the frame that was queued last, and makes room if all outboxes are too large now.
    /// `before` is what the shard's outboxes took before anything was queued.
    pub(super) fn charge_last(&mut self, slot: u32, before: usize) {
        let (frames, total) = (&mut self.shared_frames, &self.own_total);
        let outbox = &mut self.connections[slot as usize].outbox;
        outbox.charge_last(|frame| frames.charge(frame, total));
        if self.connections[slot as usize].blocked {
            self.list_by_size(slot);
        }
        self.unchecked += self.own_total.used().saturating_sub(before);
        if self.unchecked >= self.outbox_total.step() {
            self.unchecked = 0;
            self.evict_by_total();
        }
    }

    /// Lists a connection by the size of its outbox, if its socket is blocked.
    pub(super) fn list_by_size(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        let class = if connection.blocked && connection.is_open() {
            // Not what the client's own commands have queued: that evicts nobody.
            let replies = unread_bytes(&connection.client);
            class_of(connection.outbox.bytes().saturating_sub(replies))
        } else {
            0
        };
        let before = std::mem::replace(&mut connection.size_class, class);
        if before == class {
            return;
        }
        self.by_size.remove(&(before, slot));
        if class > 0 {
            self.by_size.insert((class, slot));
        }
        self.own_total.set_largest(self.largest_class());
    }

    fn largest_class(&self) -> u8 {
        self.by_size.last().map_or(0, |&(class, _)| class)
    }

    /// Evicts the clients with the largest outboxes until all outboxes are within their total.
    pub(super) fn evict_by_total(&mut self) {
        let mut evictions = 0..MAX_EVICTIONS_PER_TURN;
        while self.outbox_total.is_exceeded() {
            if evictions.next().is_none() {
                return self.own_total.ready().ask();
            }
            let class = self.largest_class();
            if self.outbox_total.ask_if_larger_than(class) {
                return;
            }
            let Some(&(_, slot)) = self.by_size.last() else {
                return;
            };
            self.metrics.largest_evicted_total.add(1);
            self.evict(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_class_is_a_power_of_two() {
        let classes = [0, 1, 2, 3, 4, 1023, 1024, usize::MAX].map(class_of);
        assert_eq!(classes, [0, 1, 2, 2, 3, 10, 11, usize::BITS as u8]);
    }
}
