//! A topic's log: its history, charged to the budget that all topics of its kind share.

use std::sync::Arc;

use tokio::time::Instant;

use super::budget::{Budget, TOPIC_OVERHEAD_BYTES};
use super::owner::Owner;
use crate::history::{HistoryLimits, HistoryRing, Page};
use crate::protocol::{Direction, HistoryRequest, ResumeRequest, Resumption, StreamTop};
use crate::wire::Frame;

/// Approximate memory of a publication, besides its frame.
const PUBLICATION_OVERHEAD_BYTES: usize = 80;

/// A publication with its offset, for members that receive offsets.
#[derive(Debug, Clone)]
pub(in crate::hub) struct Sequenced {
    pub(in crate::hub) offset: u64,
    pub(in crate::hub) frame: Frame,
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
    history: HistoryRing<Frame>,
    budget: Arc<Budget>,
    /// Bytes that the budget counts for this log.
    charged: usize,
    /// Whose share of the budget it counts towards.
    owner: Owner,
    /// When the topic was last published to; before that, when it was created.
    pub(in crate::hub) used_at: Instant,
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
        };
        log.charge();
        log
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

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// Bytes that the budget counts for this log.
    pub(super) fn charged(&self) -> usize {
        self.charged
    }

    /// Counts a log without publications towards the client that is about to publish.
    pub(in crate::hub) fn begin(&mut self, owner: impl FnOnce() -> Owner) {
        if self.is_blank() {
            self.owner = owner();
        }
    }

    /// Assigns a publication its offset and keeps it. If that exceeds the shared budget, and this
    /// log is not small, it drops its oldest publications, if need be including the new one.
    pub(in crate::hub) fn append(&mut self, encode: impl FnOnce(u64) -> Frame) -> Sequenced {
        let now = Instant::now();
        self.used_at = now;
        let (offset, frame) = self.history.push(now.into_std(), |offset| {
            let frame = encode(offset);
            let bytes = frame.len() + PUBLICATION_OVERHEAD_BYTES;
            (frame, bytes)
        });
        self.charge();
        while !self.history.is_empty()
            && self.budget.is_exceeded()
            && self.charged > self.budget.small()
        {
            self.history.drop_oldest();
            self.charge();
        }
        Sequenced { offset, frame }
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
            _ => request.last.min(self.history.len() as u64),
        };
        let replay = Replay {
            next: top.offset + 1 - replayed,
            newest: top.offset,
        };
        let resumption = Resumption {
            top: Some(top),
            recovered: missed.map(|missed| missed.map(drop)),
            replayed,
        };
        (resumption, replay)
    }

    pub(in crate::hub) fn page(
        &mut self,
        request: HistoryRequest,
        max_bytes: usize,
    ) -> Page<Frame> {
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
    ) -> Page<Frame> {
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
            _ => TOPIC_OVERHEAD_BYTES + self.history.bytes(),
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
