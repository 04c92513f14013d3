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
use super::run::{Delivery, delivery, form_of, offset, topic_of};
use super::slots::Block;
use crate::hub::forms::FormKey;
use crate::hub::topic::{EVERYONE, Topic, TopicId};
use crate::wire::Frame;

/// What a member of one of the topics takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Take {
    /// The index of its form in the layouts.
    layout: u16,
    /// Whether it reads publications from the history; only what has no offset, and
    /// acknowledgements, come from here.
    is_replaying: bool,
}

/// A member's slot, one of the stretch's topics that it is in, and what it takes of that.
type Receiver = (u32, u16, Take);

/// Everyone who receives something of a stretch, ascending by slot, and the forms that they take.
struct Receivers {
    list: Vec<Receiver>,
    forms: Vec<FormKey>,
}

impl Receivers {
    fn add(
        &mut self,
        slots: impl Iterator<Item = u32>,
        topic: u16,
        key: FormKey,
        is_replaying: bool,
    ) {
        let known = self.forms.iter().position(|known| *known == key);
        let layout = known.unwrap_or(self.forms.len()) as u16;
        if known.is_none() {
            self.forms.push(key);
        }
        let take = Take {
            layout,
            is_replaying,
        };
        self.list.extend(slots.map(|slot| (slot, topic, take)));
    }
}

/// The frames of a stretch, laid out in their order in every form that somebody takes.
struct Frames<'a> {
    /// For each broadcast, the index of its topic.
    topics: Vec<u16>,
    layouts: Vec<FormLayout<'a>>,
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
    /// What a member gets, in order: the topics it is in, with what it takes, are `receivers`.
    fn for_member<'f>(
        &'f self,
        receivers: &'f [Receiver],
    ) -> impl Iterator<Item = (u16, usize, Delivery<'f>)> {
        let slot = receivers[0].0;
        let broadcasts = self.topics.iter().enumerate();
        broadcasts.filter_map(move |(index, topic)| {
            let &(_, _, take) = match receivers {
                [only] if only.1 == *topic => only,
                [_] => return None,
                several => several.iter().find(|(_, of, _)| of == topic)?,
            };
            let delivery = self.layouts[usize::from(take.layout)].deliveries[index];
            match delivery.exclude {
                Some((excluded, instead)) if excluded == slot => {
                    instead.map(|frame| (take.layout, index, Delivery::acknowledgement(frame)))
                }
                _ if take.is_replaying && self.in_history[index] => None,
                _ => Some((take.layout, index, delivery)),
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
        // The part that is still growing: its layout and its range in the bytes of that.
        let mut open: Option<(u16, std::ops::Range<usize>)> = None;
        for (form, index, delivery) in frames.for_member(receivers) {
            parts.frames += 1;
            let layout = &frames.layouts[usize::from(form)];
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
        open: Option<(u16, std::ops::Range<usize>)>,
    ) -> Option<()> {
        match open {
            None => Some(()),
            Some((form, range)) => self.add(&frames.layouts[usize::from(form)].bytes[range]),
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
        let index_of = |entry: &Entry| {
            let topic = topic_of(entry);
            topics.iter().position(|(id, _)| Some(*id) == topic)
        };
        let indices: Vec<usize> = entries.iter().filter_map(|entry| index_of(entry)).collect();
        let made: Vec<(FormKey, Vec<Frame>)> = {
            let frames = |key| entries.iter().filter_map(move |entry| form_of(entry, key));
            let keys = receivers.forms.iter();
            keys.map(|&key| (key, frames(key).collect())).collect()
        };
        let layouts = made.iter().map(|(key, frames)| {
            let forms = entries.iter().zip(&indices).zip(frames);
            let deliveries = forms.filter_map(|((entry, &index), frame)| {
                delivery(entry, &topics[index].1, frame, key.with_position)
            });
            FormLayout::new(deliveries.collect())
        });
        let frames = Frames {
            topics: indices.iter().map(|&index| index as u16).collect(),
            layouts: layouts.collect(),
            in_history: entries
                .iter()
                .map(|entry| offset(entry).is_some())
                .collect(),
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
                for class in self.classes.iter() {
                    let key = FormKey::new(class, false);
                    let (mut from, mut block) = (0, Block::default());
                    while let Some(next) = self.next_connected(from, class, &mut block) {
                        from = next;
                        receivers.add(block.slots().iter().copied(), index, key, false);
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
