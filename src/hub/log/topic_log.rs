//! A topic's log: its history, charged to the budget that all topics of its kind share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Budget, TOPIC_OVERHEAD_BYTES};
use super::owner::Owner;
use super::pace::{LOOKS_PER_AGE, MIN_PAUSE, end_of, pause};
use crate::dialect::{At, ClassId, Source};
use crate::history::{HistoryLimits, HistoryRing, Page, Size};
use crate::protocol::{Direction, HistoryRequest, ResumeRequest, Resumption, StreamTop};
use crate::wire::Frame;

/// Approximate memory of a publication, besides its frame.
const PUBLICATION_OVERHEAD_BYTES: usize = 80;

/// The position of a publication, and its native form with that.
#[derive(Debug, Clone)]
pub(in crate::hub) struct Sequenced {
    pub(in crate::hub) offset: u64,
    pub(in crate::hub) epoch: Arc<str>,
    pub(in crate::hub) frame: Frame,
}

/// A publication that the history keeps: what its forms are made from, and the one that nearly
/// everybody takes.
#[derive(Debug, Clone)]
pub struct Kept {
    source: Arc<dyn Source>,
    /// The native form with the position.
    native: Frame,
}

impl Kept {
    /// The form for clients that receive positions.
    pub fn form(&self, class: ClassId, at: At<'_>) -> Frame {
        if class == ClassId::NATIVE {
            self.native.clone()
        } else {
            self.source.encode(class, Some(at))
        }
    }
}

/// A publication does not have the next offset of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the next offset is {expected}")]
pub struct OutOfOrder {
    /// The next offset.
    pub expected: u64,
}

/// Where the replay of a new member starts and ends.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Replay {
    /// Offset of the first publication to replay.
    pub(in crate::hub) next: u64,
    /// Offset of the newest publication when the client joined.
    pub(in crate::hub) newest: u64,
}

/// The history of one topic.
#[derive(Debug)]
pub(in crate::hub) struct TopicLog {
    history: HistoryRing<Kept>,
    budget: Arc<Budget>,
    /// Bytes that the budget counts for this log.
    charged: usize,
    /// Whose share of the budget it counts towards.
    owner: Owner,
    /// When the topic was last published to; before that, when it was created.
    pub(in crate::hub) used_at: Instant,
    /// When the sweeper looks at this log next; set by the sweeper.
    due: Option<Instant>,
    /// Whether the sweeper knows of publications here, and looks again when the first expires.
    is_watched: bool,
}

impl TopicLog {
    /// The log of a new topic.
    pub(in crate::hub) fn new(
        limits: HistoryLimits,
        epoch: Arc<str>,
        budget: &Arc<Budget>,
        owner: Owner,
    ) -> Self {
        let mut log = Self {
            history: HistoryRing::new(epoch, limits),
            budget: budget.clone(),
            charged: 0,
            owner,
            used_at: Instant::now(),
            due: None,
            is_watched: false,
        };
        log.charge();
        log
    }

    /// The log of a topic that an earlier process published to.
    pub(in crate::hub) fn restored(
        limits: HistoryLimits,
        top: StreamTop,
        used_at: Instant,
        budget: &Arc<Budget>,
        owner: Owner,
    ) -> Self {
        let mut log = Self::new(limits, top.epoch.clone(), budget, owner);
        log.history = HistoryRing::after(top.offset, top.epoch, limits);
        log.used_at = used_at;
        log.charge();
        log
    }

    /// Keeps a publication of an earlier process under the next offset. `None` stands for one that
    /// has expired.
    pub(in crate::hub) fn restore(&mut self, publication: Option<(Instant, Arc<dyn Source>)>) {
        if let Some((at, source)) = publication {
            self.keep(at, &source, &source.plain());
        } else {
            self.history.skip();
            self.charge();
        }
    }

    /// The publications that a later process can restore, oldest first, and when they were
    /// published.
    pub(in crate::hub) fn copy(&mut self) -> Vec<(Instant, Arc<dyn Source>)> {
        self.expire();
        let entries = self.history.entries();
        entries
            .map(|(at, kept)| (Instant::from_std(at), kept.source.clone()))
            .collect()
    }

    pub(in crate::hub) fn top(&self) -> StreamTop {
        StreamTop {
            offset: self.history.newest(),
            epoch: self.history.epoch().clone(),
        }
    }

    /// Whether nothing was ever published.
    pub(in crate::hub) fn is_blank(&self) -> bool {
        self.history.newest() == 0
    }

    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// The number of publications kept.
    pub(in crate::hub) fn len(&self) -> usize {
        self.history.len()
    }

    /// The maximum age of a publication.
    pub(in crate::hub) fn max_age(&self) -> Duration {
        self.history.max_age()
    }

    pub(in crate::hub) fn owner(&self) -> Owner {
        self.owner
    }

    /// Bytes that the budget counts for this log.
    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    /// Records that the sweeper is told of this log. Returns whether it has to be.
    pub(super) fn begin_watch(&mut self) -> bool {
        !std::mem::replace(&mut self.is_watched, true)
    }

    /// When the sweeper looks at this log next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Drops expired publications, and decides when the sweeper looks at this log next: when the
    /// next publication expires or, if none is left, when the position may be forgotten. Returns
    /// what was decided before, and the new decision.
    pub(super) fn review(
        &mut self,
        now: Instant,
        position_ttl: Duration,
    ) -> (Option<Instant>, Instant) {
        self.expire();
        let due = if let Some(oldest) = self.history.oldest_published_at() {
            let age = self.history.max_age();
            end_of(Instant::from_std(oldest), age).max(now + pause(age))
        } else {
            self.is_watched = false;
            // If it is due already, a member prevents it.
            let pause = (position_ttl / LOOKS_PER_AGE).max(MIN_PAUSE);
            end_of(self.used_at, position_ttl).max(end_of(now, pause))
        };
        (self.due.replace(due), due)
    }

    /// Counts a log without publications towards the client that is about to publish.
    pub(in crate::hub) fn begin(&mut self, owner: impl FnOnce() -> Owner) {
        if self.is_blank() {
            self.owner = owner();
        }
    }

    /// Keeps a publication under the next offset. `plain` is its native form without a
    /// position. If that exceeds the shared budget, and this log is not small, it drops its oldest
    /// publications, if need be including the new one.
    pub(in crate::hub) fn append(&mut self, source: &Arc<dyn Source>, plain: &Frame) -> Sequenced {
        let now = Instant::now();
        self.used_at = now;
        self.keep(now, source, plain)
    }

    fn keep(&mut self, at: Instant, source: &Arc<dyn Source>, plain: &Frame) -> Sequenced {
        let epoch = self.history.epoch().clone();
        let (offset, kept) = self.history.push(at.into_std(), |offset| {
            let at = At {
                offset,
                epoch: &epoch,
            };
            let native = source.sequenced(plain, at);
            let bytes = native.len() + PUBLICATION_OVERHEAD_BYTES;
            let memory = bytes + source.bytes();
            let source = source.clone();
            (Kept { source, native }, Size { bytes, memory })
        });
        self.charge();
        while !self.history.is_empty()
            && self.budget.is_exceeded()
            && self.charged > self.budget.small()
        {
            self.history.drop_oldest();
            self.charge();
        }
        Sequenced {
            offset,
            epoch,
            frame: kept.native,
        }
    }

    /// Whether a publication that was numbered elsewhere is the next one.
    pub(in crate::hub) fn accepts(&self, offset: u64) -> Result<(), OutOfOrder> {
        let expected = self.history.newest() + 1;
        if offset != expected {
            return Err(OutOfOrder { expected });
        }
        Ok(())
    }

    /// Answers a resume request, and says what is replayed.
    pub(in crate::hub) fn resume(&mut self, request: &ResumeRequest) -> (Resumption, Replay) {
        self.expire();
        let top = self.top();
        let missed = request
            .since
            .as_ref()
            .map(|position| self.history.missed_since(position));
        let replayed = match missed {
            Some(Ok(missed)) => missed,
            _ => request.last.unwrap_or(0).min(self.history.len() as u64),
        };
        let replay = Replay {
            next: top.offset + 1 - replayed,
            newest: top.offset,
        };
        let resumption = Resumption {
            top: Some(top),
            recovered: missed.map(|missed| missed.map(drop)),
            last_requested: request.last.is_some(),
            replayed,
        };
        (resumption, replay)
    }

    pub(in crate::hub) fn page(&mut self, request: HistoryRequest, max_bytes: usize) -> Page<Kept> {
        self.expire();
        self.history.page(request, max_bytes)
    }

    /// The publications from `next` to `through`, at most `limit` of them and as many as fit
    /// into `bytes`. Expired publications that the sweeper has not dropped yet are included.
    pub(in crate::hub) fn replay(
        &self,
        next: u64,
        through: u64,
        limit: usize,
        bytes: usize,
    ) -> Page<Kept> {
        let request = HistoryRequest {
            direction: Direction::After(next - 1),
            limit,
        };
        let mut page = self.history.page(request, bytes);
        let until = (through + 1).saturating_sub(page.first);
        page.items.truncate(until as usize);
        page
    }

    pub(in crate::hub) fn expire(&mut self) {
        self.history.expire(Instant::now().into_std());
        self.charge();
    }

    /// Drops publications, oldest first, until `bytes` are freed or none is left. Returns the
    /// bytes freed.
    pub(super) fn free(&mut self, bytes: usize) -> usize {
        let before = self.charged;
        while before - self.charged < bytes && !self.history.is_empty() {
            self.history.drop_oldest();
            self.charge();
        }
        before - self.charged
    }

    /// Charges the budget for the log's current size. Before the first publication there is
    /// nothing to lose, so a client that only names topics uses none of the budget.
    fn charge(&mut self) {
        let bytes = match self.history.newest() {
            0 => 0,
            _ => TOPIC_OVERHEAD_BYTES + self.history.memory(),
        };
        self.budget.update(self.charged, bytes);
        self.charged = bytes;
    }
}

impl Drop for TopicLog {
    fn drop(&mut self) {
        self.budget.update(self.charged, 0);
    }
}

#[cfg(test)]
mod tests;
