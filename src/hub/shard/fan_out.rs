//! The hot path: runs of broadcasts are written straight to the members' sockets.
//!
//! The frames of a run are laid out in one buffer once for all members. A member with nothing
//! queued gets them in a single write that bypasses its outbox; if its socket accepts only a
//! part, the rest goes into the outbox.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::Shard;
use super::entry::Entry;
use super::group::Group;
use super::mailbox::Waiting;
use super::members::Members;
use super::outbox::MAX_SLICES;
use super::run::{Delivery, Layout, delivery, form_of, offset, topic_of};
use super::slots::{Block, Slots};
use crate::hub::forms::FormKey;
use crate::hub::topic::{EVERYONE, Topic};
use crate::wire::Frame;

/// A single frame longer than this is written in place instead of being copied.
const MAX_COPIED_FRAME: usize = 16 * 1024;
/// Members whose state is read ahead of the writes to them, so that the cache misses overlap
/// instead of following one another.
pub(super) const READ_AHEAD: usize = 16;

/// Whom a run goes to.
#[derive(Clone, Copy)]
pub(super) enum Recipients<'a> {
    /// These members.
    Slots(&'a Slots),
    /// Every connection. All of them have the same class.
    Everyone,
}

impl Shard {
    /// Delivers a stretch of broadcasts.
    pub(super) async fn fan_out(&mut self, stretch: &[Waiting]) {
        let Some(topic) = stretch.first().and_then(|first| topic_of(&first.entry)) else {
            return;
        };
        let mut others = stretch.iter().map(|waiting| topic_of(&waiting.entry));
        if others.any(|other| other != Some(topic)) {
            return self.fan_out_mixed(stretch).await;
        }
        let run: Vec<&Entry> = stretch.iter().map(|waiting| &waiting.entry).collect();
        if topic == EVERYONE {
            self.deliver_to_everyone(&run).await;
        } else if let Some(mut members) = self.topics.remove(&topic) {
            // Members change only through entries, so not meanwhile, even though this yields.
            self.deliver(&mut members, &run).await;
            self.topics.insert(topic, members);
        }
    }

    async fn deliver(&mut self, members: &mut Members, run: &[&Entry]) {
        let topic = Arc::clone(&members.topic);
        for Group { key, slots } in &members.groups {
            self.deliver_form(Recipients::Slots(slots), *key, &topic, run)
                .await;
        }
        for entry in run {
            if members.replaying.is_empty() {
                break;
            }
            self.deliver_to_replaying(members, entry);
        }
        if let Some(newest) = run.iter().rev().find_map(|entry| offset(entry)) {
            members.last_broadcast = newest;
        }
    }

    /// Delivers a run to those who take one form of it.
    pub(super) async fn deliver_form(
        &mut self,
        recipients: Recipients<'_>,
        key: FormKey,
        topic: &Arc<Topic>,
        run: &[&Entry],
    ) {
        let frames: Vec<Frame> = run.iter().filter_map(|entry| form_of(entry, key)).collect();
        let forms = run.iter().zip(&frames);
        let deliveries: Vec<Delivery<'_>> = forms
            .filter_map(|(entry, frame)| delivery(entry, topic, frame, key.with_position))
            .collect();
        self.write_run(recipients, &deliveries).await;
    }

    /// Replaying members read publications, which have an offset, from the history. What has
    /// none they get now, and so does one that publishes its acknowledgement.
    fn deliver_to_replaying(&mut self, members: &Members, entry: &Entry) {
        let in_history = offset(entry).is_some();
        for (&slot, replaying) in &members.replaying {
            let key = FormKey::new(replaying.class, false);
            let Some(frame) = form_of(entry, key) else {
                return;
            };
            let Some(delivery) = delivery(entry, &members.topic, &frame, false) else {
                return;
            };
            if !in_history || delivery.leaves_out(slot) {
                self.push_instead_or(slot, delivery);
            }
        }
    }

    /// Pushes a delivery to a member, or what it gets instead.
    fn push_instead_or(&mut self, slot: u32, delivery: Delivery<'_>) {
        match delivery.exclude {
            Some((excluded, instead)) if excluded == slot => {
                if let Some(frame) = instead {
                    self.push_reply(slot, frame.clone(), None);
                }
            }
            _ => self.push_delivery(slot, delivery),
        }
    }

    /// Writes a run, in chunks small enough for any healthy outbox.
    pub(super) async fn write_run(
        &mut self,
        recipients: Recipients<'_>,
        deliveries: &[Delivery<'_>],
    ) {
        let mut rest = deliveries;
        while !rest.is_empty() {
            let (chunk, remaining) = rest.split_at(self.chunk_len(rest));
            self.write_chunk(recipients, chunk).await;
            rest = remaining;
            if !rest.is_empty() {
                self.flush_dirty().await;
            }
        }
    }

    /// The number of deliveries in the next chunk, at least one.
    pub(super) fn chunk_len(&self, deliveries: &[Delivery<'_>]) -> usize {
        let mut bytes = 0;
        let fitting = deliveries
            .iter()
            .take(self.chunk_max_messages)
            .take_while(|delivery| {
                bytes += delivery.frame.len();
                bytes <= self.chunk_max_bytes
            });
        fitting.count().max(1)
    }

    async fn write_chunk(&mut self, recipients: Recipients<'_>, deliveries: &[Delivery<'_>]) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let in_place = deliveries.len() == 1 && deliveries[0].frame.len() > MAX_COPIED_FRAME;
        if in_place {
            self.write_in_place(recipients, deliveries[0]).await;
        } else {
            let layout = Layout::new(deliveries, &mut scratch);
            self.write_layout(recipients, &layout).await;
        }
        self.scratch = scratch;
    }

    async fn write_layout(&mut self, recipients: Recipients<'_>, layout: &Layout<'_>) {
        let (mut from, mut block) = (0, Block::default());
        while let Some(next) = self.next_block(recipients, from, &mut block) {
            from = next;
            for slots in block.slots().chunks(READ_AHEAD) {
                self.read_ahead(slots.iter().copied());
                let mut complete = 0;
                for &slot in slots {
                    complete += u64::from(self.write_layout_to(slot, layout));
                }
                self.metrics.deliveries_total.add(complete * layout.len());
                self.yield_if_due().await;
            }
        }
    }

    /// Writes the layout to a member. True if the member got all of it.
    pub(super) fn write_layout_to(&mut self, slot: u32, layout: &Layout<'_>) -> bool {
        self.turn.writes += 1;
        if layout.excludes(slot) {
            self.write_with_exclusions(slot, layout);
            return false;
        }
        self.write_all(slot, layout)
    }

    /// Writes all of the layout to a member. False if it went, in part, into its outbox.
    fn write_all(&mut self, slot: u32, layout: &Layout<'_>) -> bool {
        let connection = &mut self.connections[slot as usize];
        if !connection.can_write_directly() {
            self.push_frames(slot, layout);
            return false;
        }
        match connection.link.try_write(layout.bytes()) {
            Ok(count) if count == layout.bytes().len() => {
                connection.messages += layout.len();
                connection.bytes += count as u64;
                true
            }
            result => {
                self.queue_unwritten(slot, layout.frames_for(slot), result);
                false
            }
        }
    }

    /// Writes the layout to a member that is left out of one of its deliveries.
    fn write_with_exclusions(&mut self, slot: u32, layout: &Layout<'_>) {
        let connection = &mut self.connections[slot as usize];
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let fitting = layout.slices_for(slot, &mut slices);
        let Some((used, len, frames)) = fitting.filter(|_| connection.can_write_directly()) else {
            return self.push_frames(slot, layout);
        };
        if used == 0 {
            return;
        }
        match connection.link.try_write_vectored(&slices[..used]) {
            Ok(count) if count == len => {
                connection.messages += frames;
                connection.bytes += len as u64;
                self.metrics.deliveries_total.add(frames);
            }
            result => self.queue_unwritten(slot, layout.frames_for(slot), result),
        }
    }

    /// Queues a delivery for one member.
    pub(super) fn push_delivery(&mut self, slot: u32, delivery: Delivery<'_>) {
        let frame = delivery.frame.clone();
        if delivery.is_reply {
            self.push_reply(slot, frame, None);
        } else {
            self.push_to_member(slot, frame, delivery.publication);
        }
    }

    fn push_frames(&mut self, slot: u32, layout: &Layout<'_>) {
        for delivery in layout.frames_for(slot) {
            self.push_delivery(slot, delivery);
        }
    }

    /// Writes one long frame without copying it.
    async fn write_in_place(&mut self, recipients: Recipients<'_>, delivery: Delivery<'_>) {
        let frame = delivery.frame;
        let (mut from, mut block) = (0, Block::default());
        while let Some(next) = self.next_block(recipients, from, &mut block) {
            from = next;
            for &slot in block.slots() {
                let connection = &mut self.connections[slot as usize];
                if delivery.leaves_out(slot) || !connection.can_write_directly() {
                    self.push_instead_or(slot, delivery);
                    continue;
                }
                let parts = [frame.header(), frame.payload()].map(IoSlice::new);
                match connection.link.try_write_vectored(&parts) {
                    Ok(count) if count == frame.len() => {
                        connection.messages += 1;
                        connection.bytes += count as u64;
                        self.metrics.deliveries_total.add(1);
                    }
                    result => self.queue_unwritten(slot, std::iter::once(delivery), result),
                }
                self.turn.writes += 1;
                self.yield_if_due().await;
            }
        }
    }

    /// Fills `block` with the recipients from slot `from` on, and returns where to go on.
    fn next_block(&self, recipients: Recipients<'_>, from: u32, block: &mut Block) -> Option<u32> {
        match recipients {
            Recipients::Slots(slots) => slots.next_block(from, block),
            Recipients::Everyone => self.next_connected(from, block),
        }
    }

    /// Reads what the writes to these members are about to need.
    pub(super) fn read_ahead(&self, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            let connection = &self.connections[slot as usize];
            if connection.can_write_directly() {
                connection.link.read_ahead();
            }
        }
    }

    /// Queues what a direct write left unwritten.
    pub(super) fn queue_unwritten<'a>(
        &mut self,
        slot: u32,
        frames: impl Iterator<Item = Delivery<'a>>,
        result: io::Result<usize>,
    ) {
        let mut written = match result {
            Ok(count) => count,
            Err(error) if is_temporary(error.kind()) => 0,
            Err(_) => return self.drop_link(slot),
        };
        self.connections[slot as usize].bytes += written as u64;
        for delivery in frames {
            let frame = delivery.frame;
            let connection = &mut self.connections[slot as usize];
            if written >= frame.len() {
                written -= frame.len();
                connection.messages += 1;
                self.metrics.deliveries_total.add(1);
            } else if written > 0 {
                let before = self.own_total.used();
                connection.outbox.push_started(frame.clone(), written);
                self.charge_last(slot, before);
                written = 0;
            } else {
                self.push_delivery(slot, delivery);
            }
        }
        // The flush that follows finds the socket blocked and registers for its readiness.
        self.mark_dirty(slot);
    }
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
