//! The hot path: a run of broadcasts to one topic is written straight to its members' sockets.
//!
//! The frames are copied into one buffer once for all members. A member with nothing queued
//! gets them in a single plain write that bypasses its outbox; if its socket accepts only a
//! part, the rest goes into the outbox.

use std::io::{self, IoSlice};

use super::mailbox::Entry;
use super::members::Members;
use super::run::{Delivery, offset, plain_delivery, sequenced_delivery};
use super::{Shard, slot_of};

/// A single frame longer than this is written in place instead of being copied.
const MAX_COPIED_FRAME: usize = 16 * 1024;

impl Shard {
    /// Delivers a run found by [`trailing_run`](super::run::trailing_run), in chunks small
    /// enough for any healthy outbox.
    pub(super) async fn fan_out(&mut self, run: &[Entry]) {
        let Some(Entry::Broadcast { topic, exclude, .. }) = run.first() else {
            return;
        };
        let exclude = exclude.as_ref().and_then(slot_of);
        // Members change only through entries, so not during this function, even though it
        // yields.
        let Some(mut members) = self.topics.remove(topic) else {
            return;
        };
        let messages = run
            .iter()
            .filter_map(|entry| plain_delivery(entry, &members));
        let messages: Vec<Delivery<'_>> = messages.collect();
        self.write_run(members.plain.as_slice(), &messages, exclude)
            .await;
        if !members.sequenced.as_slice().is_empty() {
            let messages = run
                .iter()
                .filter_map(|entry| sequenced_delivery(entry, &members));
            let messages: Vec<Delivery<'_>> = messages.collect();
            self.write_run(members.sequenced.as_slice(), &messages, exclude)
                .await;
        }
        if !members.replaying.is_empty() {
            self.push_unsequenced(&members, run, exclude);
        }
        if let Some(newest) = run.iter().rev().find_map(offset) {
            members.last_broadcast = newest;
        }
        self.topics.insert(*topic, members);
    }

    /// Writes a run to the members in `slots`, chunk by chunk.
    async fn write_run(&mut self, slots: &[u32], messages: &[Delivery<'_>], exclude: Option<u32>) {
        let mut rest = messages;
        while !rest.is_empty() && !slots.is_empty() {
            let (chunk, remaining) = rest.split_at(self.chunk_len(rest));
            self.write_chunk(slots, chunk, exclude).await;
            rest = remaining;
            if !rest.is_empty() {
                self.flush_dirty().await;
            }
        }
    }

    /// Pushes the broadcasts without an offset to replaying members. They get the publications,
    /// which have one, from the history.
    fn push_unsequenced(&mut self, members: &Members, run: &[Entry], exclude: Option<u32>) {
        let unsequenced = run.iter().filter(|entry| offset(entry).is_none());
        for message in unsequenced.filter_map(|entry| plain_delivery(entry, members)) {
            for member in &members.replaying {
                if Some(member.slot) != exclude {
                    self.push(member.slot, message.frame.clone());
                }
            }
        }
    }

    /// The number of messages in the next chunk, at least one.
    fn chunk_len(&self, messages: &[Delivery<'_>]) -> usize {
        let mut bytes = 0;
        let fitting = messages
            .iter()
            .take(self.chunk_max_messages)
            .take_while(|message| {
                bytes += message.frame.len();
                bytes <= self.chunk_max_bytes
            });
        fitting.count().max(1)
    }

    /// Writes the messages to each member's link, or pushes them to its outbox if it cannot be
    /// written directly.
    async fn write_chunk(
        &mut self,
        slots: &[u32],
        messages: &[Delivery<'_>],
        exclude: Option<u32>,
    ) {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let first = messages[0].frame;
        let in_place = messages.len() == 1 && first.len() > MAX_COPIED_FRAME;
        if !in_place {
            for message in messages {
                message.frame.copy_to(&mut bytes);
            }
        }
        let len: usize = messages.iter().map(|message| message.frame.len()).sum();
        let mut complete = 0;
        for &slot in slots {
            if Some(slot) == exclude {
                continue;
            }
            let connection = &mut self.connections[slot as usize];
            if !connection.can_write_directly() {
                for message in messages {
                    self.push_to_member(slot, message.frame.clone(), message.publication);
                }
                continue;
            }
            let result = if in_place {
                let parts = [first.header(), first.payload()].map(IoSlice::new);
                connection.link.try_write_vectored(&parts)
            } else {
                connection.link.try_write(&bytes)
            };
            match result {
                Ok(count) if count == len => {
                    connection.messages += messages.len() as u64;
                    connection.bytes += len as u64;
                    complete += 1;
                }
                result => self.queue_unwritten(slot, messages, result),
            }
            self.count_write().await;
        }
        self.metrics
            .deliveries_total
            .add(complete * messages.len() as u64);
        self.scratch = bytes;
    }

    /// Queues what a direct write left unwritten.
    fn queue_unwritten(&mut self, slot: u32, messages: &[Delivery<'_>], result: io::Result<usize>) {
        let mut written = match result {
            Ok(count) => count,
            Err(error) if is_temporary(error.kind()) => 0,
            Err(_) => return self.drop_link(slot),
        };
        self.connections[slot as usize].bytes += written as u64;
        for &Delivery { frame, publication } in messages {
            let connection = &mut self.connections[slot as usize];
            if written >= frame.len() {
                written -= frame.len();
                connection.messages += 1;
                self.metrics.deliveries_total.add(1);
            } else if written > 0 {
                connection.outbox.push_started(frame.clone(), written);
                written = 0;
            } else {
                self.push_to_member(slot, frame.clone(), publication);
            }
        }
        // The flush that follows finds the socket blocked and registers for its readiness.
        self.mark_dirty(slot);
    }
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
