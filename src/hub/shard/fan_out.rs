//! The hot path: a run of broadcasts to one topic goes straight to its members' sockets.
//!
//! The bytes of a whole run are laid out once; a member with nothing queued gets them in
//! one plain write and its outbox is not touched. A member whose socket takes only a part
//! keeps the rest in its outbox.

use std::io::{self, IoSlice};

use super::mailbox::Entry;
use super::members::Members;
use super::run::{Delivery, offset, plain, sequenced};
use super::{Shard, slot_of};

/// A single frame longer than this is written from where it lies instead of being copied.
const MAX_COPIED_FRAME: usize = 16 * 1024;

impl Shard {
    /// Delivers a run as [`final_run`](super::run::final_run) found it, in segments that fit every bound.
    pub(super) async fn fan_out(&mut self, run: &[Entry]) {
        let Some(Entry::Broadcast { topic, exclude, .. }) = run.first() else {
            return;
        };
        let exclude = exclude.as_ref().and_then(slot_of);
        // Nothing changes members while the shard is in here, also not between turns.
        let Some(mut members) = self.topics.remove(topic) else {
            return;
        };
        let messages = run.iter().filter_map(|entry| plain(entry, &members));
        let messages: Vec<Delivery<'_>> = messages.collect();
        self.write_run(members.plain.as_slice(), &messages, exclude)
            .await;
        if !members.sequenced.as_slice().is_empty() {
            let messages = run.iter().filter_map(|entry| sequenced(entry, &members));
            let messages: Vec<Delivery<'_>> = messages.collect();
            self.write_run(members.sequenced.as_slice(), &messages, exclude)
                .await;
        }
        if !members.replaying.is_empty() {
            self.push_unsequenced(&members, run, exclude);
        }
        if let Some(newest) = run.iter().rev().find_map(offset) {
            members.broadcast = newest;
        }
        self.topics.insert(*topic, members);
    }

    async fn write_run(&mut self, slots: &[u32], messages: &[Delivery<'_>], exclude: Option<u32>) {
        let mut rest = messages;
        while !rest.is_empty() && !slots.is_empty() {
            let (segment, behind) = rest.split_at(self.segment_len(rest));
            self.write_segment(slots, segment, exclude).await;
            rest = behind;
            if !rest.is_empty() {
                self.flush_dirty().await;
            }
        }
    }

    /// Members that read the past get from there what has an offset, and from here the rest.
    fn push_unsequenced(&mut self, members: &Members, run: &[Entry], exclude: Option<u32>) {
        let unsequenced = run.iter().filter(|entry| offset(entry).is_none());
        for message in unsequenced.filter_map(|entry| plain(entry, members)) {
            for member in &members.replaying {
                if Some(member.slot) != exclude {
                    self.push(member.slot, message.frame.clone());
                }
            }
        }
    }

    fn segment_len(&self, messages: &[Delivery<'_>]) -> usize {
        let mut bytes = 0;
        let fitting = messages
            .iter()
            .take(self.segment_messages)
            .take_while(|message| {
                bytes += message.frame.len();
                bytes <= self.segment_bytes
            });
        fitting.count().max(1)
    }

    async fn write_segment(
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
            if !connection.takes_direct_writes() {
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
                result => self.keep_rest(slot, messages, result),
            }
            self.count_write().await;
        }
        self.metrics
            .deliveries_total
            .add(complete * messages.len() as u64);
        self.scratch = bytes;
    }

    /// Queues what a direct write did not take.
    fn keep_rest(&mut self, slot: u32, messages: &[Delivery<'_>], result: io::Result<usize>) {
        let mut taken = match result {
            Ok(count) => count,
            Err(error) if is_temporary(error.kind()) => 0,
            Err(_) => return self.lose(slot),
        };
        self.connections[slot as usize].bytes += taken as u64;
        for &Delivery { frame, publication } in messages {
            let connection = &mut self.connections[slot as usize];
            if taken >= frame.len() {
                taken -= frame.len();
                connection.messages += 1;
                self.metrics.deliveries_total.add(1);
            } else if taken > 0 {
                connection.outbox.push_started(frame.clone(), taken);
                taken = 0;
            } else {
                self.push_to_member(slot, frame.clone(), publication);
            }
        }
        // The flush that follows meets the block and has the shard told when it ends.
        self.mark_dirty(slot);
    }
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
