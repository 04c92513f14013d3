//! A topic's past: its history, charged to the budget that all topics share.

use std::sync::Arc;

use tokio::time::Instant;

use super::budget::Budget;
use super::rules::TopicOptions;
use crate::history::{History, Page};
use crate::protocol::{Direction, HistoryRequest, Resume, Unrecovered, with_offset};
use crate::wire::Frame;

/// What one topic that keeps a history costs besides its messages, roughly.
const TOPIC_BYTES: usize = 512;
/// What one kept publication costs besides its bytes, roughly.
const PUBLICATION_BYTES: usize = 80;

/// The identity of a numbering and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Offset of the newest publication; 0 before the first.
    pub offset: u64,
    /// The numbering's life.
    pub epoch: Arc<str>,
}

/// A publication as a client that has positions gets it.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) offset: u64,
    pub(super) frame: Frame,
}

/// How a client that has positions begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replay {
    /// Offset of the first publication it is to get.
    pub(super) next: u64,
    /// Offset of the newest one when it became a member.
    pub(super) newest: u64,
}

/// The answer to a [`Resume`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// Where the topic stands; `None` when it keeps no history.
    pub newest: Option<Newest>,
    /// Whether everything after the position is replayed; `None` without a position.
    pub recovered: Option<Result<(), Unrecovered>>,
    /// Publications that are replayed.
    pub replayed: u64,
}

impl Resumption {
    /// The answer of a topic that keeps no history.
    pub fn without_history(resume: &Resume) -> Self {
        let since = resume.since.as_ref();
        Self {
            newest: None,
            recovered: since.map(|_| Err(Unrecovered::NoHistory)),
            replayed: 0,
        }
    }
}

#[derive(Debug)]
pub(super) struct Past {
    history: History<Frame>,
    budget: Arc<Budget>,
    charged: usize,
    /// When the last publication was made, or the topic.
    pub(super) used_at: Instant,
}

impl Past {
    /// The past of a new topic, if it is to have one.
    pub(super) fn new(
        options: TopicOptions,
        epoch: impl FnOnce() -> Arc<str>,
        budget: &Arc<Budget>,
    ) -> Option<Box<Self>> {
        let limits = options.history?;
        let mut past = Self {
            history: History::new(epoch(), limits),
            budget: budget.clone(),
            charged: 0,
            used_at: Instant::now(),
        };
        past.charge();
        Some(Box::new(past))
    }

    pub(super) fn newest(&self) -> Newest {
        Newest {
            offset: self.history.newest(),
            epoch: self.history.epoch().clone(),
        }
    }

    /// Whether a publication was ever made.
    pub(super) fn is_blank(&self) -> bool {
        self.history.newest() == 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    pub(super) fn oldest_at(&self) -> Option<Instant> {
        self.history.oldest_at().map(Instant::from_std)
    }

    /// Gives a publication its offset and keeps it. When all histories together are too
    /// large, this one gives way, in the end with the publication itself.
    pub(super) fn append(&mut self, message: &str) -> Numbered {
        let now = Instant::now();
        self.used_at = now;
        let (offset, frame) = self.history.push(now.into_std(), |offset| {
            let frame = Frame::text(with_offset(message, offset).into());
            let bytes = frame.len() + PUBLICATION_BYTES;
            (frame, bytes)
        });
        self.charge();
        while self.budget.is_exceeded() && !self.history.is_empty() {
            self.history.drop_oldest();
            self.charge();
        }
        Numbered { offset, frame }
    }

    /// What a client gets that asks for the past, and where its replay begins.
    pub(super) fn resume(&mut self, resume: &Resume) -> (Resumption, Replay) {
        self.expire();
        let newest = self.newest();
        let missed = resume
            .since
            .as_ref()
            .map(|position| self.history.missed_since(position));
        let replayed = match missed {
            Some(Ok(missed)) => missed,
            _ => resume.last.min(self.history.len() as u64),
        };
        let replay = Replay {
            next: newest.offset + 1 - replayed,
            newest: newest.offset,
        };
        let resumption = Resumption {
            newest: Some(newest),
            recovered: missed.map(|missed| missed.map(drop)),
            replayed,
        };
        (resumption, replay)
    }

    pub(super) fn page(&mut self, request: HistoryRequest, max_bytes: usize) -> Page<Frame> {
        self.expire();
        self.history.page(request, max_bytes)
    }

    /// The publications from `next` to `through`, as many as fit. What is about to expire is still given.
    pub(super) fn replay(
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

    pub(super) fn expire(&mut self) {
        self.history.expire(Instant::now().into_std());
        self.charge();
    }

    pub(super) fn drop_before(&mut self, cutoff: Instant) {
        self.history.drop_before(cutoff.into_std());
        self.charge();
    }

    fn charge(&mut self) {
        let cost = TOPIC_BYTES + self.history.bytes();
        self.budget.change(self.charged, cost);
        self.charged = cost;
    }
}

impl Drop for Past {
    fn drop(&mut self) {
        self.budget.change(self.charged, 0);
    }
}
