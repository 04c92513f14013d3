//! Runs: consecutive broadcasts in the mailbox, delivered together.

use std::io::IoSlice;
use std::sync::Arc;

use super::entry::Entry;
use super::mailbox::Waiting;
use super::outbox::{MAX_SLICES, Publication};
use super::slot_of;
use crate::hub::forms::FormKey;
use crate::hub::topic::{Topic, TopicId};
use crate::wire::Frame;

/// The number of broadcasts at the start of `entries`, up to the first entry of another kind.
/// Nothing joins, leaves or closes within such a stretch, so it can be delivered together.
pub(super) fn stretch_len(entries: &[Waiting]) -> usize {
    let broadcasts = entries.iter();
    broadcasts
        .take_while(|waiting| matches!(waiting.entry, Entry::Broadcast { .. }))
        .count()
}

/// The topic of a broadcast.
pub(super) fn topic_of(entry: &Entry) -> Option<TopicId> {
    match entry {
        Entry::Broadcast { topic, .. } => Some(*topic),
        _ => None,
    }
}

/// One broadcast of a run, in the form that some of the members receive.
#[derive(Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) frame: &'a Frame,
    /// For a publication, what the topic's overflow policy needs to know.
    pub(super) publication: Option<Publication<'a>>,
    /// The slot of the member left out, and what it gets instead.
    pub(super) exclude: Option<(u32, Option<&'a Frame>)>,
    /// Whether it is a reply to the member's own command.
    pub(super) is_reply: bool,
}

impl<'a> Delivery<'a> {
    /// A notice to everybody.
    pub(super) fn notice(frame: &'a Frame) -> Self {
        Self {
            frame,
            publication: None,
            exclude: None,
            is_reply: false,
        }
    }

    /// What a member gets instead of its own publication.
    pub(super) fn acknowledgement(frame: &'a Frame) -> Self {
        Self {
            frame,
            publication: None,
            exclude: None,
            is_reply: true,
        }
    }

    /// Whether the member is the one left out.
    pub(super) fn leaves_out(&self, slot: u32) -> bool {
        self.exclude.is_some_and(|(excluded, _)| excluded == slot)
    }
}

/// The frame of a broadcast in one form.
pub(super) fn form_of(entry: &Entry, key: FormKey) -> Option<Frame> {
    match entry {
        Entry::Broadcast { forms, .. } => Some(forms.form(key)),
        _ => None,
    }
}

/// What a member gets that takes the form `frame`, with its position or without.
pub(super) fn delivery<'a>(
    entry: &'a Entry,
    topic: &'a Arc<Topic>,
    frame: &'a Frame,
    with_position: bool,
) -> Option<Delivery<'a>> {
    let Entry::Broadcast {
        forms,
        is_publication,
        ..
    } = entry
    else {
        return None;
    };
    let offset = forms.offset().filter(|_| with_position);
    Some(Delivery {
        frame,
        publication: is_publication.then_some(Publication { topic, offset }),
        exclude: exclusion(entry),
        is_reply: false,
    })
}

/// The slot of the member that a broadcast leaves out, and what it gets instead.
pub(super) fn exclusion(entry: &Entry) -> Option<(u32, Option<&Frame>)> {
    let Entry::Broadcast { exclude, ack, .. } = entry else {
        return None;
    };
    let slot = exclude.as_ref().and_then(slot_of)?;
    Some((slot, ack.as_ref()))
}

/// The publication's offset, if it has one.
pub(super) fn offset(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Broadcast { forms, .. } => forms.offset(),
        _ => None,
    }
}

/// The bytes of a few deliveries, laid out once for all members.
pub(super) struct Layout<'a> {
    deliveries: &'a [Delivery<'a>],
    bytes: &'a [u8],
    /// The slots left out of some delivery, ascending.
    excluded: Vec<u32>,
}

impl<'a> Layout<'a> {
    /// Copies the frames into `bytes`.
    pub(super) fn new(deliveries: &'a [Delivery<'a>], bytes: &'a mut Vec<u8>) -> Self {
        bytes.clear();
        for delivery in deliveries {
            delivery.frame.copy_to(bytes);
        }
        let excluded = deliveries.iter().filter_map(|delivery| delivery.exclude);
        let mut excluded: Vec<u32> = excluded.map(|(slot, _)| slot).collect();
        excluded.sort_unstable();
        excluded.dedup();
        Self {
            deliveries,
            bytes,
            excluded,
        }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.deliveries.len() as u64
    }

    /// Whether the member is left out of a delivery.
    pub(super) fn excludes(&self, slot: u32) -> bool {
        !self.excluded.is_empty() && self.excluded.binary_search(&slot).is_ok()
    }

    /// The frames for one member, in order, including what replaces a delivery that leaves it
    /// out.
    pub(super) fn frames_for(&self, slot: u32) -> impl Iterator<Item = Delivery<'a>> {
        self.deliveries
            .iter()
            .filter_map(move |delivery| match delivery.exclude {
                Some((excluded, instead)) if excluded == slot => {
                    instead.map(Delivery::acknowledgement)
                }
                _ => Some(*delivery),
            })
    }

    /// Fills `slices` with the bytes for a member that is left out of a delivery, and returns the
    /// number of slices, bytes and frames. `None` if they are too many for one write.
    pub(super) fn slices_for(
        &self,
        slot: u32,
        slices: &mut [IoSlice<'a>; MAX_SLICES],
    ) -> Option<(usize, usize, u64)> {
        let (mut used, mut len, mut frames) = (0, 0, 0);
        let mut add = |part: &'a [u8]| {
            if !part.is_empty() {
                *slices.get_mut(used)? = IoSlice::new(part);
                used += 1;
                len += part.len();
            }
            Some(())
        };
        let (mut start, mut end) = (0, 0);
        for delivery in self.deliveries {
            let next = end + delivery.frame.len();
            match delivery.exclude {
                Some((excluded, instead)) if excluded == slot => {
                    add(&self.bytes[start..end])?;
                    if let Some(frame) = instead {
                        add(frame.header())?;
                        add(frame.payload())?;
                        frames += 1;
                    }
                    start = next;
                }
                _ => frames += 1,
            }
            end = next;
        }
        add(&self.bytes[start..end])?;
        Some((used, len, frames))
    }
}
