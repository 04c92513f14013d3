//! Drops queued publications of topics that allow it, and queues gap notices in their place.
//!
//! A gap notice takes the place of the first publication it covers, so the order is kept. While
//! it is queued, it is extended by what is dropped later, so there is at most one per topic. A
//! partly written frame is never touched.

use std::sync::Arc;

use super::{FrameKind, Full, Outbox, OutboxLimits, QueuedFrame};
use crate::dialect::Dialect;
use crate::hub::shard::outbox_total::{FrameCharge, ShardTotal};
use crate::hub::topic::{Overflow, Topic, TopicId};
use crate::protocol::Gap;
use crate::wire::Frame;

/// The topic and offset of a publication that is pushed to a client.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Publication<'a> {
    pub(in crate::hub) topic: &'a Arc<Topic>,
    /// The offset, if the client receives offsets.
    pub(in crate::hub) offset: Option<u64>,
}

/// How an outbox makes gap notices.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub::shard) struct Notices<'a> {
    pub(in crate::hub::shard) dialect: &'a dyn Dialect,
    /// Where they are counted: a client can be in many topics, and have a notice for each.
    pub(in crate::hub::shard) total: &'a Arc<ShardTotal>,
}

impl Publication<'_> {
    fn gap(self) -> Gap {
        Gap::of_one(self.offset)
    }

    fn kind(self) -> FrameKind {
        match self.topic.overflow() {
            Overflow::Evict => FrameKind::Fixed,
            Overflow::DropOldest | Overflow::LatestOnly => FrameKind::Droppable {
                topic: self.topic.clone(),
                offset: self.offset,
            },
        }
    }
}

impl Outbox {
    /// Queues a publication according to its topic's overflow policy. `blocked` says whether
    /// the socket accepts nothing at the moment; only then does `LatestOnly` drop older
    /// publications in favor of the new one.
    pub(in crate::hub::shard) fn push_publication(
        &mut self,
        frame: Frame,
        publication: Publication<'_>,
        (limits, notices): (OutboxLimits, Notices<'_>),
        blocked: bool,
    ) -> Result<(), Full> {
        let topic = publication.topic;
        match topic.overflow() {
            Overflow::Evict => {}
            Overflow::DropOldest => {
                while !self.has_room_for(&frame, limits) {
                    if !self.drop_oldest(Some(topic), notices) {
                        return self.drop_new(publication, (limits, notices));
                    }
                }
            }
            Overflow::LatestOnly => while blocked && self.drop_oldest(Some(topic), notices) {},
        }
        if !self.make_room_for(&frame, limits, notices) {
            return Err(Full);
        }
        self.bytes += frame.len();
        let kind = publication.kind();
        self.frames.push_back(QueuedFrame::new(frame, kind));
        Ok(())
    }

    /// Drops publications, oldest first, until the frame fits. Returns false if nothing is left
    /// to drop and it still does not fit.
    pub(in crate::hub::shard) fn make_room_for(
        &mut self,
        frame: &Frame,
        limits: OutboxLimits,
        notices: Notices<'_>,
    ) -> bool {
        while !self.has_room_for(frame, limits) {
            if !self.drop_oldest(None, notices) {
                return false;
            }
        }
        true
    }

    /// Makes the topic's queued frames fixed, because the membership they belong to ends: none
    /// is dropped or changed any more.
    pub(in crate::hub) fn seal(&mut self, topic: TopicId) {
        for queued in &mut self.frames {
            if queued.kind.topic().is_some_and(|of| of.id() == topic) {
                queued.kind = FrameKind::Fixed;
            }
        }
    }

    /// Drops the oldest droppable publication of the topic, or of any topic if it is `None`.
    /// Returns false if there is none.
    fn drop_oldest(&mut self, topic: Option<&Arc<Topic>>, notices: Notices<'_>) -> bool {
        let mut unsent = self.frames.iter().enumerate().skip(self.first_unsent());
        let oldest = unsent.find(|(_, queued)| match &queued.kind {
            FrameKind::Droppable { topic: of, .. } => {
                topic.is_none_or(|topic| of.id() == topic.id())
            }
            FrameKind::Fixed | FrameKind::Reply { .. } | FrameKind::GapNotice(_) => false,
        });
        let Some((index, _)) = oldest else {
            return false;
        };
        let Some(QueuedFrame { frame, kind, .. }) = self.frames.remove(index) else {
            return false;
        };
        self.bytes -= frame.len();
        if let FrameKind::Droppable { topic, offset } = kind {
            let topic = &topic;
            self.add_to_gap_notice(Publication { topic, offset }, index, notices);
        }
        true
    }

    /// Drops the new publication itself, because the topic has none queued that could be
    /// dropped instead.
    fn drop_new(
        &mut self,
        publication: Publication<'_>,
        (limits, notices): (OutboxLimits, Notices<'_>),
    ) -> Result<(), Full> {
        self.add_to_gap_notice(publication, self.frames.len(), notices);
        let fits = self.frames.len() <= limits.max_messages && self.bytes <= limits.max_bytes;
        fits.then_some(()).ok_or(Full)
    }

    /// Extends the topic's gap notice by a dropped publication. If there is no notice yet,
    /// inserts one at `index`.
    fn add_to_gap_notice(
        &mut self,
        publication: Publication<'_>,
        index: usize,
        notices: Notices<'_>,
    ) {
        let topic = publication.topic;
        let first = self.first_unsent();
        let mut unsent = self.frames.iter_mut().skip(first);
        let notice = unsent.find_map(|queued| match &mut queued.kind {
            FrameKind::GapNotice(notice) if notice.0.id() == topic.id() => {
                notice.1 = notice.1.and(publication.gap());
                Some((&mut queued.frame, &mut queued.charge, notice.1))
            }
            _ => None,
        });
        if let Some((frame, charge, gap)) = notice {
            self.bytes -= frame.len();
            *frame = notices.dialect.gap(topic.full_name(), gap);
            *charge = Some(FrameCharge::unshared(frame, notices.total));
            self.bytes += frame.len();
            return;
        }
        let gap = publication.gap();
        let frame = notices.dialect.gap(topic.full_name(), gap);
        self.bytes += frame.len();
        let charge = FrameCharge::unshared(&frame, notices.total);
        let kind = FrameKind::GapNotice(Box::new((topic.clone(), gap)));
        self.frames
            .insert(index, QueuedFrame::new(frame, kind).counted(charge));
    }
}

impl FrameKind {
    fn topic(&self) -> Option<&Arc<Topic>> {
        match self {
            Self::Fixed | Self::Reply { .. } => None,
            Self::Droppable { topic, .. } => Some(topic),
            Self::GapNotice(notice) => Some(&notice.0),
        }
    }
}

#[cfg(test)]
mod tests;
