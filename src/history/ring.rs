//! The numbered run of one topic.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::HistoryLimits;
use crate::protocol::{Direction, HistoryRequest, Position, Unrecovered};

/// The newest publications of one topic, each with an offset one higher than the one before.
///
/// Bounds: [`HistoryLimits`], kept at every push; age also by [`expire`](Self::expire).
#[derive(Debug)]
pub struct History<T> {
    epoch: Arc<str>,
    limits: HistoryLimits,
    kept: VecDeque<Kept<T>>,
    /// The newest publication's offset, whether it is still kept or not; 0 before the first.
    newest: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept<T> {
    item: T,
    bytes: usize,
    at: Instant,
}

/// A part of a history, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Offset of the first item.
    pub first: u64,
    /// The items.
    pub items: Vec<T>,
    /// Whether more is kept in the direction that was asked for.
    pub more: bool,
}

impl<T: Clone> History<T> {
    /// An empty history.
    pub fn new(epoch: Arc<str>, limits: HistoryLimits) -> Self {
        Self {
            epoch,
            limits,
            kept: VecDeque::new(),
            newest: 0,
            bytes: 0,
        }
    }

    /// The numbering's life.
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// Offset of the newest publication; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Offset of the oldest publication that is kept; one more than the newest if none is.
    pub fn oldest(&self) -> u64 {
        self.newest + 1 - self.kept.len() as u64
    }

    /// Publications that are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Bytes of what is kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest publication that is kept was made.
    pub fn oldest_at(&self) -> Option<Instant> {
        self.kept.front().map(|kept| kept.at)
    }

    /// Appends what `encode` makes of the new offset, and drops what is then too much.
    pub fn push(&mut self, now: Instant, encode: impl FnOnce(u64) -> (T, usize)) -> (u64, T) {
        self.newest += 1;
        let (item, bytes) = encode(self.newest);
        self.bytes += bytes;
        self.kept.push_back(Kept {
            item: item.clone(),
            bytes,
            at: now,
        });
        while self.kept.len() > self.limits.max_messages || self.bytes > self.limits.max_bytes {
            self.drop_oldest();
        }
        self.expire(now);
        (self.newest, item)
    }

    /// Drops the oldest publication.
    pub fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= oldest.bytes;
        }
        // What a burst took is given back, also when a trickle keeps the history from
        // being empty: nobody counts it.
        if self.kept.len() <= self.kept.capacity() / 8 {
            self.kept.shrink_to(2 * self.kept.len());
        }
    }

    /// Drops what is older than the limit.
    pub fn expire(&mut self, now: Instant) {
        if let Some(cutoff) = now.checked_sub(self.limits.max_age) {
            self.drop_before(cutoff);
        }
    }

    /// Drops what was published before `cutoff`.
    pub fn drop_before(&mut self, cutoff: Instant) {
        while self.kept.front().is_some_and(|kept| kept.at < cutoff) {
            self.drop_oldest();
        }
    }

    /// How many publications follow `position`, or why they cannot all be had.
    pub fn missed_since(&self, position: &Position) -> Result<u64, Unrecovered> {
        if *position.epoch != *self.epoch {
            Err(Unrecovered::EpochChanged)
        } else if position.offset > self.newest {
            Err(Unrecovered::OffsetAhead)
        } else if position.offset + 1 < self.oldest() {
            Err(Unrecovered::HistoryTrimmed)
        } else {
            Ok(self.newest - position.offset)
        }
    }

    /// A page that holds at most `max_bytes`, but at least one item if there is one.
    pub fn page(&self, request: HistoryRequest, max_bytes: usize) -> Page<T> {
        let (oldest, end) = (self.oldest(), self.newest + 1);
        let forwards = matches!(request.direction, Direction::After(_));
        // What may be in the page, as offsets from `from` to below `to`.
        let (from, to) = match request.direction {
            Direction::Newest => (oldest, end),
            Direction::Before(offset) => (oldest, offset.clamp(oldest, end)),
            Direction::After(offset) => (offset.saturating_add(1).clamp(oldest, end), end),
        };
        let range = self
            .kept
            .range((from - oldest) as usize..(to - oldest) as usize);
        let mut bytes = 0;
        let fits = |kept: &&Kept<T>| {
            let first = bytes == 0;
            bytes += kept.bytes;
            first || bytes <= max_bytes
        };
        let mut items: Vec<T> = if forwards {
            let items = range.take(request.limit).take_while(fits);
            items.map(|kept| kept.item.clone()).collect()
        } else {
            let items = range.rev().take(request.limit).take_while(fits);
            items.map(|kept| kept.item.clone()).collect()
        };
        let len = items.len() as u64;
        if !forwards {
            items.reverse();
        }
        Page {
            first: if forwards { from } else { to - len },
            more: len < to - from,
            items,
        }
    }
}

#[cfg(test)]
mod tests;
