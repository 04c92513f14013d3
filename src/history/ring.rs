//! The ring of a topic's newest publications.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::HistoryLimits;
use crate::protocol::{Direction, HistoryRequest, Position, Unrecovered};

/// The newest publications of one topic. Each has an offset one higher than the one before.
///
/// Bounded by [`HistoryLimits`], which every push enforces. Between pushes, call
/// [`expire`](Self::expire) to enforce the age.
#[derive(Debug)]
pub struct HistoryRing<T> {
    epoch: Arc<str>,
    limits: HistoryLimits,
    entries: VecDeque<Entry<T>>,
    /// Offset of the newest publication, even if it is no longer kept; 0 before the first.
    newest: u64,
    /// Bytes of all entries, as the limit counts them.
    bytes: usize,
    /// Memory of all entries.
    memory: usize,
}

/// The size of a publication, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// As the limit counts it.
    pub bytes: usize,
    /// The memory that it takes.
    pub memory: usize,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    size: Size,
    published_at: Instant,
}

/// A page of a history, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Offset of the first item.
    pub first: u64,
    /// The items.
    pub items: Vec<T>,
    /// Whether more publications are kept in the requested direction.
    pub more: bool,
}

impl<T: Clone> HistoryRing<T> {
    /// An empty history.
    pub fn new(epoch: Arc<str>, limits: HistoryLimits) -> Self {
        Self::after(0, epoch, limits)
    }

    /// An empty history whose next publication follows the offset `newest`.
    pub fn after(newest: u64, epoch: Arc<str>, limits: HistoryLimits) -> Self {
        Self {
            epoch,
            limits,
            entries: VecDeque::new(),
            newest,
            bytes: 0,
            memory: 0,
        }
    }

    /// Identifies the stream that the offsets belong to.
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// Offset of the newest publication; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Offset of the oldest publication kept; one more than the newest if none is.
    pub fn oldest(&self) -> u64 {
        self.newest + 1 - self.entries.len() as u64
    }

    /// The number of publications kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no publications are kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The memory of the publications kept, in bytes.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// When the oldest publication kept was published.
    pub fn oldest_published_at(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.published_at)
    }

    /// The maximum age of a publication.
    pub fn max_age(&self) -> Duration {
        self.limits.max_age
    }

    /// Appends a publication and drops the oldest ones that then exceed the limits. `encode`
    /// gets the new offset and returns the item and its size.
    pub fn push(&mut self, now: Instant, encode: impl FnOnce(u64) -> (T, Size)) -> (u64, T) {
        self.newest += 1;
        let (item, size) = encode(self.newest);
        self.bytes += size.bytes;
        self.memory += size.memory;
        if self.entries.capacity() == 0 {
            // Many channels are published to once; a queue would begin with room for four.
            self.entries.reserve_exact(1);
        }
        self.entries.push_back(Entry {
            item: item.clone(),
            size,
            published_at: now,
        });
        while self.entries.len() > self.limits.max_messages || self.bytes > self.limits.max_bytes {
            self.drop_oldest();
        }
        self.expire(now);
        (self.newest, item)
    }

    /// Numbers a publication that is not kept, and so drops those before it.
    pub fn skip(&mut self) {
        self.newest += 1;
        self.entries.clear();
        (self.bytes, self.memory) = (0, 0);
    }

    /// The publications kept and when they were published, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (Instant, &T)> {
        self.entries
            .iter()
            .map(|entry| (entry.published_at, &entry.item))
    }

    /// Drops the oldest publication.
    pub fn drop_oldest(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.size.bytes;
            self.memory -= oldest.size.memory;
        }
        // Release the memory of a burst, even if a trickle of publications keeps the history
        // from becoming empty. Unused capacity does not count against any limit.
        if self.entries.len() <= self.entries.capacity() / 8 {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }

    /// Drops publications older than the maximum age.
    pub fn expire(&mut self, now: Instant) {
        if let Some(cutoff) = now.checked_sub(self.limits.max_age) {
            self.drop_before(cutoff);
        }
    }

    /// Drops everything published before `cutoff`.
    fn drop_before(&mut self, cutoff: Instant) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.published_at < cutoff)
        {
            self.drop_oldest();
        }
    }

    /// The number of publications after `position`, or why they cannot all be replayed.
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

    /// Returns a page of at most `max_bytes`, but with at least one item if there is any.
    pub fn page(&self, request: HistoryRequest, max_bytes: usize) -> Page<T> {
        let (oldest, end) = (self.oldest(), self.newest + 1);
        let forwards = matches!(request.direction, Direction::After(_));
        // The page is a part of this range of offsets; `to` is exclusive.
        let (from, to) = match request.direction {
            Direction::Newest => (oldest, end),
            Direction::Before(offset) => (oldest, offset.clamp(oldest, end)),
            Direction::After(offset) => (offset.saturating_add(1).clamp(oldest, end), end),
        };
        let range = self
            .entries
            .range((from - oldest) as usize..(to - oldest) as usize);
        let mut bytes = 0;
        let fits = |entry: &&Entry<T>| {
            let first = bytes == 0;
            bytes += entry.size.bytes;
            first || bytes <= max_bytes
        };
        let mut items: Vec<T> = if forwards {
            let items = range.take(request.limit).take_while(fits);
            items.map(|entry| entry.item.clone()).collect()
        } else {
            let items = range.rev().take(request.limit).take_while(fits);
            items.map(|entry| entry.item.clone()).collect()
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
