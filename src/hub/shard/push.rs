//! Into the outboxes: what goes to one client, and to every member of a topic.

use super::Shard;
use super::outbox::Publication;
use crate::hub::log::Sequenced;
use crate::hub::topic::{Overflow, TopicId};
use crate::wire::Frame;

impl Shard {
    /// Queues a frame for one client, for which publications that may be left out make
    /// room. A full outbox evicts it and costs nobody else anything; but what is full because
    /// the shard had no time to write is written first.
    pub(super) fn push(&mut self, slot: u32, frame: Frame) {
        if !self.flush_for(slot, &frame) {
            return;
        }
        let outbox = &mut self.connections[slot as usize].outbox;
        if outbox.make_room(&frame, self.outbox_options)
            && outbox.push(frame, self.outbox_options).is_ok()
        {
            self.mark_dirty(slot);
        } else {
            self.evict(slot);
        }
    }

    /// Queues a topic's message for a member; with `publication` as the topic's policy says.
    pub(super) fn push_to_member(
        &mut self,
        slot: u32,
        frame: Frame,
        publication: Option<Publication<'_>>,
    ) {
        let publication = publication.filter(|of| of.topic.overflow() != Overflow::Evict);
        let Some(publication) = publication else {
            return self.push(slot, frame);
        };
        if !self.flush_for(slot, &frame) {
            return;
        }
        let connection = &mut self.connections[slot as usize];
        let blocked = connection.blocked;
        let outbox = &mut connection.outbox;
        match outbox.push_publication(frame, publication, self.outbox_options, blocked) {
            Ok(()) => self.mark_dirty(slot),
            Err(_full) => self.evict(slot),
        }
    }

    /// Writes what waits if there is no room for the frame. False when the client gets
    /// nothing more.
    fn flush_for(&mut self, slot: u32, frame: &Frame) -> bool {
        let connection = &mut self.connections[slot as usize];
        if connection.is_open() && !connection.outbox.has_room_for(frame, self.outbox_options) {
            connection.blocked = false;
            self.flush(slot);
        }
        self.connections[slot as usize].is_open()
    }

    /// Queues a broadcast for every member but one.
    pub(super) fn push_to_members(
        &mut self,
        topic: TopicId,
        frame: &Frame,
        sequenced: Option<&Sequenced>,
        is_publication: bool,
        exclude: Option<u32>,
    ) {
        // Pushing changes connections, never members, so the walk is safe; taking the
        // list out lets both be borrowed.
        let Some(mut members) = self.topics.remove(&topic) else {
            return;
        };
        let topic_of = members.topic.clone();
        let as_publication = |offset| {
            let topic = &topic_of;
            is_publication.then_some(Publication { topic, offset })
        };
        if let Some(sequenced) = sequenced {
            members.broadcast = sequenced.offset;
            for &slot in members.plain.as_slice() {
                if Some(slot) != exclude {
                    self.push_to_member(slot, frame.clone(), as_publication(None));
                }
            }
            let sequenced_publication = as_publication(Some(sequenced.offset));
            for &slot in members.sequenced.as_slice() {
                if Some(slot) != exclude {
                    self.push_to_member(slot, sequenced.frame.clone(), sequenced_publication);
                }
            }
        } else {
            for slot in members.all() {
                if Some(slot) != exclude {
                    self.push_to_member(slot, frame.clone(), as_publication(None));
                }
            }
        }
        self.topics.insert(topic, members);
    }
}
