//! A stretch of broadcasts to several topics, laid out: who takes what, in which forms.

use std::io::IoSlice;

use super::outbox::MAX_SLICES;
use super::run::Delivery;
use crate::hub::forms::FormKey;
use crate::wire::Frame;

/// What a member of one of the topics takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Take {
    /// The index of its form in the layouts.
    pub(super) layout: u16,
    /// Whether it reads publications from the history; only what has no offset, and
    /// acknowledgements, come from here.
    pub(super) is_replaying: bool,
}

/// A member's slot, one of the stretch's topics that it is in, and what it takes of that.
pub(super) type Receiver = (u32, u16, Take);

/// Everyone who receives something of a stretch, ascending by slot, and the forms that they take.
pub(super) struct Receivers {
    pub(super) list: Vec<Receiver>,
    pub(super) forms: Vec<TakenForm>,
}

/// A form that somebody takes of some of the topics.
pub(super) struct TakenForm {
    pub(super) key: FormKey,
    /// The topics of which it is taken, and whether publications in their histories are too.
    pub(super) topics: Vec<(u16, bool)>,
}

impl TakenForm {
    /// Whether somebody takes this form of a broadcast of the topic.
    pub(super) fn is_taken(&self, topic: u16, in_history: bool) -> bool {
        let mut topics = self.topics.iter();
        topics.any(|&(taken, publications)| taken == topic && (publications || !in_history))
    }
}

impl Receivers {
    pub(super) fn add(
        &mut self,
        slots: impl Iterator<Item = u32>,
        topic: u16,
        key: FormKey,
        is_replaying: bool,
    ) {
        let known = self.forms.iter().position(|form| form.key == key);
        let index = known.unwrap_or(self.forms.len());
        if known.is_none() {
            let topics = Vec::new();
            self.forms.push(TakenForm { key, topics });
        }
        let taken = (topic, !is_replaying);
        let topics = &mut self.forms[index].topics;
        if !topics.contains(&taken) {
            topics.push(taken);
        }
        let layout = index as u16;
        let take = Take {
            layout,
            is_replaying,
        };
        self.list.extend(slots.map(|slot| (slot, topic, take)));
    }
}

/// The frames of a stretch, laid out in their order in every form that somebody takes.
pub(super) struct Frames<'a> {
    pub(super) broadcasts: Vec<Broadcast<'a>>,
    pub(super) layouts: Vec<FormLayout<'a>>,
}

/// What all forms of a broadcast have in common.
pub(super) struct Broadcast<'a> {
    /// The index of its topic.
    pub(super) topic: u16,
    /// Whether it is in the history of its topic.
    pub(super) in_history: bool,
    /// The slot of the member left out, and what it gets instead.
    pub(super) exclude: Option<(u32, Option<&'a Frame>)>,
}

pub(super) struct FormLayout<'a> {
    /// For each broadcast, this form of it, if somebody takes it.
    pub(super) deliveries: Vec<Option<Delivery<'a>>>,
    pub(super) bytes: Vec<u8>,
    /// Where each frame ends in `bytes`.
    pub(super) ends: Vec<usize>,
}

impl<'a> FormLayout<'a> {
    pub(super) fn new(deliveries: Vec<Option<Delivery<'a>>>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(deliveries.len()));
        for delivery in &deliveries {
            if let Some(delivery) = delivery {
                delivery.frame.copy_to(&mut bytes);
            }
            ends.push(bytes.len());
        }
        Self {
            deliveries,
            bytes,
            ends,
        }
    }

    pub(super) fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }
}

impl Frames<'_> {
    /// What a member gets, in order: the topics it is in, with what it takes, are `receivers`.
    pub(super) fn for_member<'f>(
        &'f self,
        receivers: &'f [Receiver],
    ) -> impl Iterator<Item = (u16, usize, Delivery<'f>)> {
        let slot = receivers[0].0;
        let broadcasts = self.broadcasts.iter().enumerate();
        broadcasts.filter_map(move |(index, broadcast)| {
            let topic = broadcast.topic;
            let &(_, _, take) = match receivers {
                [only] if only.1 == topic => only,
                [_] => return None,
                several => several.iter().find(|(_, of, _)| *of == topic)?,
            };
            let delivery = match broadcast.exclude {
                Some((excluded, instead)) if excluded == slot => {
                    instead.map(Delivery::acknowledgement)
                }
                _ if take.is_replaying && broadcast.in_history => None,
                _ => self.layouts[usize::from(take.layout)].deliveries[index],
            };
            delivery.map(|delivery| (take.layout, index, delivery))
        })
    }
}

/// The parts that one write to a member consists of.
pub(super) struct Parts<'a> {
    pub(super) slices: [IoSlice<'a>; MAX_SLICES],
    pub(super) used: usize,
    pub(super) len: usize,
    pub(super) frames: u64,
}

impl<'a> Parts<'a> {
    /// Gathers what a member gets; frames that lie beside each other become one part. `None` if
    /// it is too much for one write.
    pub(super) fn gather(frames: &'a Frames<'_>, receivers: &'a [Receiver]) -> Option<Self> {
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
            let laid_out = layout.deliveries[index].as_ref();
            let is_laid_out = laid_out.is_some_and(|of| std::ptr::eq(delivery.frame, of.frame));
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

    pub(super) fn close(
        &mut self,
        frames: &'a Frames<'_>,
        open: Option<(u16, std::ops::Range<usize>)>,
    ) -> Option<()> {
        match open {
            None => Some(()),
            Some((form, range)) => self.add(&frames.layouts[usize::from(form)].bytes[range]),
        }
    }

    pub(super) fn add(&mut self, part: &'a [u8]) -> Option<()> {
        if !part.is_empty() {
            *self.slices.get_mut(self.used)? = IoSlice::new(part);
            self.used += 1;
            self.len += part.len();
        }
        Some(())
    }
}
