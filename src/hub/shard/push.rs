//! Pushes frames to the outbox of one client, or of every member of a topic.

use super::Shard;
use super::outbox::{Notices, Publication};
use crate::hub::forms::{FormKey, Forms};
use crate::hub::replies::ReplyCharge;
use crate::hub::topic::{Overflow, TopicId};
use crate::wire::Frame;

impl Shard {
    /// Queues a reply to one of the client's own commands, whether its outbox is full or not: what
    /// bounds it is that the client's next command waits.
    pub(super) fn push_reply(&mut self, slot: u32, frame: Frame, charge: Option<ReplyCharge>) {
        let connection = &mut self.connections[slot as usize];
        if !connection.is_open() {
            return;
        }
        let client = &connection.client;
        let charge = charge.unwrap_or_else(|| self.replies.charge(client, frame.len()));
        connection.outbox.push_reply(frame, charge);
        self.mark_dirty(slot);
    }

    /// Queues a pong ahead of what waits for the client.
    pub(super) fn push_pong(&mut self, slot: u32, frame: Frame, charge: ReplyCharge) {
        let connection = &mut self.connections[slot as usize];
        if connection.is_open() {
            connection.outbox.push_pong(frame, charge);
            self.mark_dirty(slot);
        }
    }

    /// Queues a frame for one client. If the outbox is full, it is flushed first, in case the
    /// shard merely had no time to write; then droppable publications are dropped; and if that
    /// is not enough, the client is evicted. Other clients are not affected.
    pub(super) fn push(&mut self, slot: u32, frame: Frame) {
        if !self.flush_for(slot, &frame) {
            return;
        }
        let before = self.own_total.used();
        let connection = &mut self.connections[slot as usize];
        let notices = Notices {
            dialect: self.dialects.of(connection.client.class()),
            total: &self.own_total,
        };
        let outbox = &mut connection.outbox;
        if outbox.make_room_for(&frame, self.outbox_limits, notices)
            && outbox.push(frame, self.outbox_limits).is_ok()
        {
            self.mark_dirty(slot);
            self.charge_last(slot, before);
        } else {
            self.evict(slot);
        }
    }

    /// Queues a topic's message for a member. To a publication, the topic's overflow policy
    /// applies.
    pub(super) fn push_to_member(
        &mut self,
        slot: u32,
        frame: Frame,
        publication: Option<Publication<'_>>,
    ) {
        let publication =
            publication.filter(|publication| publication.topic.overflow() != Overflow::Evict);
        let Some(publication) = publication else {
            return self.push(slot, frame);
        };
        if !self.flush_for(slot, &frame) {
            return;
        }
        let before = self.own_total.used();
        let connection = &mut self.connections[slot as usize];
        let blocked = connection.blocked;
        let notices = Notices {
            dialect: self.dialects.of(connection.client.class()),
            total: &self.own_total,
        };
        let outbox = &mut connection.outbox;
        match outbox.push_publication(frame, publication, (self.outbox_limits, notices), blocked) {
            Ok(()) => {
                self.mark_dirty(slot);
                self.charge_last(slot, before);
            }
            Err(_full) => self.evict(slot),
        }
    }

    /// Flushes the outbox if it has no room for the frame. Returns false if the connection is
    /// not open and must not be sent anything more.
    fn flush_for(&mut self, slot: u32, frame: &Frame) -> bool {
        let connection = &mut self.connections[slot as usize];
        if connection.is_open() && !connection.outbox.has_room_for(frame, self.outbox_limits) {
            connection.blocked = false;
            self.flush(slot);
        }
        self.connections[slot as usize].is_open()
    }

    /// Pushes a notice to every member of a topic.
    pub(super) fn push_to_members(&mut self, topic: TopicId, forms: &Forms) {
        // Removed from the map, so that connections can be borrowed too. Pushing never changes
        // members.
        let Some(members) = self.topics.remove(&topic) else {
            return;
        };
        for group in &members.groups {
            let frame = forms.form(group.key);
            for slot in group.slots.iter() {
                self.push(slot, frame.clone());
            }
        }
        for (&slot, replaying) in &members.replaying {
            self.push(slot, forms.form(FormKey::new(replaying.class, false)));
        }
        self.topics.insert(topic, members);
    }
}
