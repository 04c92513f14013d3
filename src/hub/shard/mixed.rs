//! Stretches of broadcasts to several topics: each client gets its share in one write.
//!
//! A client receives its messages in mailbox order, across topics too. So the frames of all topics
//! are laid out once in that order, and each client gets the parts of the topics it is in: all of
//! it, if it is in every topic.

use std::io::IoSlice;
use std::sync::Arc;

use super::Shard;
use super::entry::Entry;
use super::fan_out::READ_AHEAD;
use super::mailbox::Waiting;
use super::outbox::MAX_SLICES;
use super::run::{Delivery, offset, plain_delivery, sequenced_delivery, topic_of};
use super::slots::Block;
use crate::hub::topic::{EVERYONE, Topic, TopicId};

/// How a member of one of the topics receives its broadcasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Plain,
    Sequenced,
    /// From the history; only what has no offset, and acknowledgements, come from here.
    Replaying,
}

/// A member's slot, one of the stretch's topics that it is in, and the form in which it receives it.
type Receiver = (u32, u16, Form);

/// The frames of a stretch, laid out in their order in both forms.
struct Frames<'a> {
    /// For each broadcast, the index of its topic.
    topics: Vec<u16>,
    plain: FormLayout<'a>,
    sequenced: FormLayout<'a>,
    /// Whether each broadcast is in the history of its topic.
    in_history: Vec<bool>,
}

struct FormLayout<'a> {
    deliveries: Vec<Delivery<'a>>,
    bytes: Vec<u8>,
    /// Where each frame ends in `bytes`.
    ends: Vec<usize>,
}

impl<'a> FormLayout<'a> {
    fn new(deliveries: Vec<Delivery<'a>>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(deliveries.len()));
        for delivery in &deliveries {
            delivery.frame.copy_to(&mut bytes);
            ends.push(bytes.len());
        }
        Self {
            deliveries,
            bytes,
            ends,
        }
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }
}

impl Frames<'_> {
    /// What a member gets, in order: the topics it is in, with their forms, are `receivers`.
    fn for_member<'f>(
        &'f self,
        receivers: &'f [Receiver],
    ) -> impl Iterator<Item = (Form, usize, Delivery<'f>)> {
        let slot = receivers[0].0;
        let broadcasts = self.topics.iter().enumerate();
        broadcasts.filter_map(move |(index, topic)| {
            let &(_, _, form) = match receivers {
                [only] if only.1 == *topic => only,
                [_] => return None,
                several => several.iter().find(|(_, of, _)| of == topic)?,
            };
            let layout = match form {
                Form::Sequenced => &self.sequenced,
                Form::Plain | Form::Replaying => &self.plain,
            };
            let delivery = layout.deliveries[index];
            match delivery.exclude {
                Some((excluded, instead)) if excluded == slot => {
                    instead.map(|frame| (form, index, Delivery::acknowledgement(frame)))
                }
                _ if form == Form::Replaying && self.in_history[index] => None,
                _ => Some((form, index, delivery)),
            }
        })
    }
}

/// The parts that one write to a member consists of.
struct Parts<'a> {
    slices: [IoSlice<'a>; MAX_SLICES],
    used: usize,
    len: usize,
    frames: u64,
}

impl<'a> Parts<'a> {
    /// Gathers what a member gets; frames that lie beside each other become one part. `None` if
    /// it is too much for one write.
    fn gather(frames: &'a Frames<'_>, receivers: &'a [Receiver]) -> Option<Self> {
        let mut parts = Self {
            slices: [IoSlice::new(&[]); MAX_SLICES],
            used: 0,
            len: 0,
            frames: 0,
        };
        // The part that is still growing: its form and its range in that form's bytes.
        let mut open: Option<(Form, std::ops::Range<usize>)> = None;
        for (form, index, delivery) in frames.for_member(receivers) {
            parts.frames += 1;
            let layout = match form {
                Form::Sequenced => &frames.sequenced,
                Form::Plain | Form::Replaying => &frames.plain,
            };
            let is_laid_out = std::ptr::eq(delivery.frame, layout.deliveries[index].frame);
            let range = layout.range(index);
            match &mut open {
                Some((of, part)) if is_laid_out && *of == form && part.end == range.start => {
                    part.end = range.end;
                    continue;
                }
                _ => parts.close(frames, open.take())?,
            }
            if is_laid_out {
                open = Some((form, range));
            } else {
                parts.add(delivery.frame.header())?;
                parts.add(delivery.frame.payload())?;
            }
        }
        parts.close(frames, open)?;
        Some(parts)
    }

    fn close(
        &mut self,
        frames: &'a Frames<'_>,
        open: Option<(Form, std::ops::Range<usize>)>,
    ) -> Option<()> {
        match open {
            None => Some(()),
            Some((Form::Sequenced, range)) => self.add(&frames.sequenced.bytes[range]),
            Some((Form::Plain | Form::Replaying, range)) => self.add(&frames.plain.bytes[range]),
        }
    }

    fn add(&mut self, part: &'a [u8]) -> Option<()> {
        if !part.is_empty() {
            *self.slices.get_mut(self.used)? = IoSlice::new(part);
            self.used += 1;
            self.len += part.len();
        }
        Some(())
    }
}

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
        let frames = {
            let index_of = |entry: &Entry| {
                let topic = topic_of(entry);
                topics.iter().position(|(id, _)| Some(*id) == topic)
            };
            let indices: Vec<usize> = entries.iter().filter_map(|entry| index_of(entry)).collect();
            let with_topics = || {
                entries
                    .iter()
                    .zip(indices.iter().map(|&index| &topics[index].1))
            };
            let has_offsets = receivers
                .iter()
                .any(|(_, _, form)| *form == Form::Sequenced);
            let sequenced = with_topics().filter(|_| has_offsets);
            Frames {
                topics: indices.iter().map(|&index| index as u16).collect(),
                plain: FormLayout::new(
                    with_topics()
                        .filter_map(|(entry, topic)| plain_delivery(entry, topic))
                        .collect(),
                ),
                sequenced: FormLayout::new(
                    sequenced
                        .filter_map(|(entry, topic)| sequenced_delivery(entry, topic))
                        .collect(),
                ),
                in_history: entries
                    .iter()
                    .map(|entry| offset(entry).is_some())
                    .collect(),
            }
        };
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

    /// Everyone who receives something, ascending by slot.
    fn receivers_of(&self, topics: &[(TopicId, Arc<Topic>)]) -> Vec<Receiver> {
        let mut receivers = Vec::new();
        for (index, (id, _)) in topics.iter().enumerate() {
            let index = index as u16;
            if *id == EVERYONE {
                let (mut from, mut block) = (0, Block::default());
                while let Some(next) = self.next_connected(from, &mut block) {
                    from = next;
                    let slots = block.slots().iter();
                    receivers.extend(slots.map(|&slot| (slot, index, Form::Plain)));
                }
            } else if let Some(members) = self.topics.get(id) {
                receivers.extend(members.plain.iter().map(|slot| (slot, index, Form::Plain)));
                let sequenced = members.sequenced.iter();
                receivers.extend(sequenced.map(|slot| (slot, index, Form::Sequenced)));
                let replaying = members.replaying.keys();
                receivers.extend(replaying.map(|&slot| (slot, index, Form::Replaying)));
            }
        }
        // Runs that are sorted already, one per topic, which a stable sort merges.
        receivers.sort();
        receivers
    }
}
