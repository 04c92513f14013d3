//! Stretches of broadcasts to several topics: each client gets its share in one write.
//!
//! A client receives its messages in mailbox order, across topics too. So the frames of all topics
//! are laid out once in that order, and each client gets the parts of the topics it is in: all of
//! it, if it is in every topic.

use std::sync::Arc;

use super::Shard;
use super::entry::Entry;
use super::fan_out::READ_AHEAD;
use super::mailbox::Waiting;
use super::run::{delivery, exclusion, form_of, offset, topic_of};
use super::slots::Block;
use super::stretch::{Broadcast, FormLayout, Frames, Parts, Receiver, Receivers};
use crate::hub::forms::FormKey;
use crate::hub::topic::{EVERYONE, Topic, TopicId};
use crate::wire::Frame;

impl Shard {
    /// Delivers a stretch of broadcasts of several topics.
    pub(super) async fn fan_out_mixed(&mut self, stretch: &[Waiting]) {
        let mut rest = stretch;
        while !rest.is_empty() {
            let (chunk, remaining) = rest.split_at(self.mixed_chunk_len(rest));
            self.write_mixed(chunk).await;
            rest = remaining;
            if !rest.is_empty() {
                self.flush_dirty().await;
            }
        }
    }

    fn mixed_chunk_len(&self, stretch: &[Waiting]) -> usize {
        let mut bytes = 0;
        let entries = stretch.iter().take(self.chunk_max_messages);
        let fitting = entries.take_while(|waiting| {
            bytes += waiting.entry.frame_bytes();
            bytes <= self.chunk_max_bytes
        });
        fitting.count().max(1)
    }

    async fn write_mixed(&mut self, chunk: &[Waiting]) {
        let (topics, entries) = self.topics_of(chunk);
        let receivers = self.receivers_of(&topics);
        let index_of = |entry: &Entry| {
            let topic = topic_of(entry);
            topics.iter().position(|(id, _)| Some(*id) == topic)
        };
        let indices: Vec<usize> = entries.iter().filter_map(|entry| index_of(entry)).collect();
        let broadcasts = entries
            .iter()
            .zip(&indices)
            .map(|(entry, &index)| Broadcast {
                topic: index as u16,
                in_history: offset(entry).is_some(),
                exclude: exclusion(entry),
            });
        let broadcasts: Vec<Broadcast<'_>> = broadcasts.collect();
        let made = receivers.forms.iter().map(|form| {
            let taken = entries.iter().zip(&broadcasts).map(|(entry, broadcast)| {
                let is_taken = form.is_taken(broadcast.topic, broadcast.in_history);
                is_taken.then(|| form_of(entry, form.key)).flatten()
            });
            taken.collect()
        });
        let made: Vec<Vec<Option<Frame>>> = made.collect();
        let layouts = receivers.forms.iter().zip(&made).map(|(form, frames)| {
            let forms = entries.iter().zip(&indices).zip(frames);
            let deliveries = forms.map(|((entry, &index), frame)| {
                let topic = &topics[index].1;
                delivery(entry, topic, frame.as_ref()?, form.key.with_position)
            });
            FormLayout::new(deliveries.collect())
        });
        let layouts = layouts.collect();
        let frames = Frames {
            broadcasts,
            layouts,
        };
        let receivers = receivers.list;
        let mut ahead = receivers.as_slice();
        for (index, receivers) in receivers
            .chunk_by(|one, other| one.0 == other.0)
            .enumerate()
        {
            if index % READ_AHEAD == 0 {
                let (next, rest) = ahead.split_at(ahead.len().min(READ_AHEAD));
                self.read_ahead(next.iter().map(|receiver| receiver.0));
                ahead = rest;
            }
            self.write_to_member(&frames, receivers);
            self.turn.writes += 1;
            self.yield_if_due().await;
        }
        for entry in &entries {
            if let (Some(topic), Some(newest)) = (topic_of(entry), offset(entry))
                && let Some(members) = self.topics.get_mut(&topic)
            {
                members.last_broadcast = newest;
            }
        }
    }

    fn write_to_member(&mut self, frames: &Frames<'_>, receivers: &[Receiver]) {
        let slot = receivers[0].0;
        let connection = &mut self.connections[slot as usize];
        let parts = if connection.can_write_directly() {
            Parts::gather(frames, receivers)
        } else {
            None
        };
        let Some(parts) = parts else {
            for (_, _, delivery) in frames.for_member(receivers) {
                self.push_delivery(slot, delivery);
            }
            return;
        };
        if parts.used == 0 {
            return;
        }
        let result = match &parts.slices[..parts.used] {
            [one] => connection.link.try_write(one),
            several => connection.link.try_write_vectored(several),
        };
        match result {
            Ok(count) if count == parts.len => {
                connection.messages += parts.frames;
                connection.bytes += count as u64;
                self.metrics.deliveries_total.add(parts.frames);
            }
            result => {
                let unwritten = frames.for_member(receivers);
                self.queue_unwritten(slot, unwritten.map(|(_, _, delivery)| delivery), result);
            }
        }
    }

    /// The topics of a chunk that have members here, and the broadcasts to them.
    fn topics_of<'c>(&self, chunk: &'c [Waiting]) -> (Vec<(TopicId, Arc<Topic>)>, Vec<&'c Entry>) {
        let (mut topics, mut entries) = (Vec::<(TopicId, Arc<Topic>)>::new(), Vec::new());
        for Waiting { entry, .. } in chunk {
            let Some(id) = topic_of(entry) else { continue };
            if topics.iter().any(|(known, _)| *known == id) {
                entries.push(entry);
                continue;
            }
            let topic = if id == EVERYONE {
                Some(&self.everyone)
            } else {
                self.topics.get(&id).map(|members| &members.topic)
            };
            if let Some(topic) = topic {
                topics.push((id, topic.clone()));
                entries.push(entry);
            }
        }
        (topics, entries)
    }

    /// Everyone who receives something.
    fn receivers_of(&self, topics: &[(TopicId, Arc<Topic>)]) -> Receivers {
        let mut receivers = Receivers {
            list: Vec::new(),
            forms: Vec::new(),
        };
        for (index, (id, _)) in topics.iter().enumerate() {
            let index = index as u16;
            if *id == EVERYONE {
                let (mut from, mut block) = (0, Block::default());
                while let Some(next) = self.next_connected(from, &mut block) {
                    from = next;
                    for class in self.classes.iter() {
                        let slots = block.slots().iter().copied();
                        let slots = slots.filter(|&slot| {
                            let connection = self.connections.get(slot as usize);
                            connection.and_then(|connection| connection.class) == Some(class)
                        });
                        let key = FormKey::new(class, false);
                        receivers.add(slots, index, key, false);
                    }
                }
            } else if let Some(members) = self.topics.get(id) {
                for group in &members.groups {
                    receivers.add(group.slots.iter(), index, group.key, false);
                }
                for (&slot, replaying) in &members.replaying {
                    let key = FormKey::new(replaying.class, false);
                    receivers.add(std::iter::once(slot), index, key, true);
                }
            }
        }
        // Runs that are sorted already, about one per topic, which a stable sort merges.
        receivers.list.sort();
        receivers
    }
}
