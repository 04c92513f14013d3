//! The hot path: a run of broadcasts to one topic goes straight to its members' sockets.
//!
//! The bytes of a whole run are laid out once; a member with nothing queued gets them in
//! one plain write and its outbox is not touched. A member whose socket takes only a part
//! keeps the rest in its outbox.

use std::io::{self, IoSlice};

use super::members::Members;
use super::{Entry, Shard, slot_of};
use crate::wire::Frame;

/// A single frame longer than this is written from where it lies instead of being copied.
const MAX_COPIED_FRAME: usize = 16 * 1024;

/// Where the run of broadcasts at the end of a batch starts: the same topic, nobody or
/// the same one left out.
pub(super) fn final_run(batch: &[Entry]) -> usize {
    let Some(Entry::Broadcast {
        topic: last_topic,
        exclude: last_exclude,
        ack: None,
        ..
    }) = batch.last()
    else {
        return batch.len();
    };
    let same = |entry: &Entry| match entry {
        Entry::Broadcast {
            topic,
            exclude,
            ack: None,
            ..
        } => {
            topic == last_topic
                && exclude.as_ref().map(|client| client.id())
                    == last_exclude.as_ref().map(|client| client.id())
        }
        _ => false,
    };
    batch.len() - batch.iter().rev().take_while(|entry| same(entry)).count()
}

fn plain_frame(entry: &Entry) -> Option<&Frame> {
    match entry {
        Entry::Broadcast { frame, .. } => Some(frame),
        _ => None,
    }
}

/// What a member that has positions gets: a publication with its offset, or a plain notice.
fn numbered_frame(entry: &Entry) -> Option<&Frame> {
    match entry {
        Entry::Broadcast {
            frame, numbered, ..
        } => Some(numbered.as_ref().map_or(frame, |numbered| &numbered.frame)),
        _ => None,
    }
}

fn offset(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Broadcast { numbered, .. } => numbered.as_ref().map(|numbered| numbered.offset),
        _ => None,
    }
}

impl Shard {
    /// Delivers a run as [`final_run`] found it, in segments that fit every bound.
    pub(super) async fn fan_out(&mut self, run: &[Entry]) {
        let Some(Entry::Broadcast { topic, exclude, .. }) = run.first() else {
            return;
        };
        let exclude = exclude.as_ref().and_then(slot_of);
        // Nothing changes members while the shard is in here, also not between turns.
        let Some(mut members) = self.topics.remove(topic) else {
            return;
        };
        let plain: Vec<&Frame> = run.iter().filter_map(plain_frame).collect();
        self.write_run(members.plain.as_slice(), &plain, exclude)
            .await;
        if !members.numbered.as_slice().is_empty() {
            let numbered: Vec<&Frame> = run.iter().filter_map(numbered_frame).collect();
            self.write_run(members.numbered.as_slice(), &numbered, exclude)
                .await;
        }
        if !members.catching_up.is_empty() {
            self.push_unnumbered(&members, run, exclude);
        }
        if let Some(newest) = run.iter().rev().find_map(offset) {
            members.broadcast = newest;
        }
        self.topics.insert(*topic, members);
    }

    async fn write_run(&mut self, slots: &[u32], frames: &[&Frame], exclude: Option<u32>) {
        let mut rest = frames;
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
    fn push_unnumbered(&mut self, members: &Members, run: &[Entry], exclude: Option<u32>) {
        let unnumbered = run.iter().filter(|entry| offset(entry).is_none());
        for frame in unnumbered.filter_map(plain_frame) {
            for member in &members.catching_up {
                if Some(member.slot) != exclude {
                    self.push(member.slot, frame.clone());
                }
            }
        }
    }

    fn segment_len(&self, frames: &[&Frame]) -> usize {
        let mut bytes = 0;
        let fitting = frames
            .iter()
            .take(self.segment_messages)
            .take_while(|frame| {
                bytes += frame.len();
                bytes <= self.segment_bytes
            });
        fitting.count().max(1)
    }

    async fn write_segment(&mut self, slots: &[u32], frames: &[&Frame], exclude: Option<u32>) {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let in_place = frames.len() == 1 && frames[0].len() > MAX_COPIED_FRAME;
        if !in_place {
            for frame in frames {
                frame.copy_to(&mut bytes);
            }
        }
        let len: usize = frames.iter().map(|frame| frame.len()).sum();
        let mut complete = 0;
        for &slot in slots {
            if Some(slot) == exclude {
                continue;
            }
            let connection = &mut self.connections[slot as usize];
            if !connection.takes_direct_writes() {
                for &frame in frames {
                    self.push(slot, frame.clone());
                }
                continue;
            }
            let result = if in_place {
                let parts = [frames[0].header(), frames[0].payload()].map(IoSlice::new);
                connection.link.try_write_vectored(&parts)
            } else {
                connection.link.try_write(&bytes)
            };
            match result {
                Ok(count) if count == len => {
                    connection.messages += frames.len() as u64;
                    connection.bytes += len as u64;
                    complete += 1;
                }
                result => self.keep_rest(slot, frames, result),
            }
            self.count_write().await;
        }
        self.metrics
            .deliveries_total
            .add(complete * frames.len() as u64);
        self.scratch = bytes;
    }

    /// Queues what a direct write did not take.
    fn keep_rest(&mut self, slot: u32, frames: &[&Frame], result: io::Result<usize>) {
        let mut taken = match result {
            Ok(count) => count,
            Err(error) if is_temporary(error.kind()) => 0,
            Err(_) => return self.lose(slot),
        };
        self.connections[slot as usize].bytes += taken as u64;
        for &frame in frames {
            let connection = &mut self.connections[slot as usize];
            if taken >= frame.len() {
                taken -= frame.len();
                connection.messages += 1;
                self.metrics.deliveries_total.add(1);
            } else if taken > 0 {
                connection.outbox.push_started(frame.clone(), taken);
                taken = 0;
            } else {
                self.push(slot, frame.clone());
            }
        }
        // The flush that follows meets the block and has the shard told when it ends.
        self.mark_dirty(slot);
    }
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
