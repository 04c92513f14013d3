//! The memory budgets that histories share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::hub::topic::Retention;
use crate::protocol::TopicKind;

/// What clients make gets at most this part of the total, so that backends keep the rest.
const MAX_CLIENTS_PART: usize = 4;
/// A history smaller than this part of the budget does not pay for others when it grows.
const SMALL_PART: usize = 1024;
/// Approximate memory of a topic with a history, besides its publications.
pub(super) const TOPIC_OVERHEAD_BYTES: usize = 512;

/// The budgets of all histories: one for what backends publish, one for what clients make, so
/// that neither can push out the other.
#[derive(Debug, Clone)]
pub(in crate::hub) struct Budgets {
    channels: Arc<Budget>,
    rooms: Arc<Budget>,
    /// Wakes the sweeper when a budget is exceeded.
    over_limit: Arc<Notify>,
    position_ttl: Duration,
}

impl Budgets {
    pub(in crate::hub) fn new(retention: &Retention) -> Self {
        let rooms = retention.clients_max_bytes;
        let rooms = rooms.min(retention.max_bytes / MAX_CLIENTS_PART);
        let over_limit = Arc::new(Notify::new());
        Self {
            channels: Arc::new(Budget::new(retention.max_bytes - rooms, &over_limit)),
            rooms: Arc::new(Budget::new(rooms, &over_limit)),
            over_limit,
            position_ttl: retention.position_ttl,
        }
    }

    /// How long an unused topic's position is remembered.
    pub(in crate::hub) fn position_ttl(&self) -> Duration {
        self.position_ttl
    }

    /// The budget of the topics of a kind.
    pub(in crate::hub) fn of(&self, kind: TopicKind) -> &Arc<Budget> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Room => &self.rooms,
        }
    }

    /// Bytes of all histories.
    pub(in crate::hub) fn used(&self) -> usize {
        self.channels.used() + self.rooms.used()
    }

    /// Waits until a budget is exceeded.
    ///
    /// Cancel safety: a notification that arrives in between wakes the next call.
    pub(super) async fn exceeded(&self) {
        self.over_limit.notified().await;
    }
}

/// A limit on the bytes of many histories together.
///
/// Enforced in two places: a topic that appends beyond the limit drops its own oldest
/// publications unless it is small, and the sweeper drops those of the owners that hold more
/// than their [fair share](super::shares).
#[derive(Debug)]
pub(in crate::hub) struct Budget {
    used: AtomicUsize,
    /// Histories that keep at least one publication.
    histories: AtomicUsize,
    max: usize,
    over_limit: Arc<Notify>,
}

impl Budget {
    fn new(max: usize, over_limit: &Arc<Notify>) -> Self {
        Self {
            used: AtomicUsize::new(0),
            histories: AtomicUsize::new(0),
            max,
            over_limit: over_limit.clone(),
        }
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(in crate::hub) fn is_exceeded(&self) -> bool {
        self.used() > self.max
    }

    /// The bytes that a history can use without paying for others when it grows.
    pub(super) fn small(&self) -> usize {
        let histories = self.histories.load(Ordering::Relaxed).max(1);
        (self.max / histories).max(self.max / SMALL_PART)
    }

    /// Records that a history's size has changed from `before` to `after` bytes.
    pub(super) fn update(&self, before: usize, after: usize) {
        let keeps_any = |bytes| bytes > TOPIC_OVERHEAD_BYTES;
        match (keeps_any(before), keeps_any(after)) {
            (false, true) => _ = self.histories.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.histories.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
        if after > before {
            let added = after - before;
            if self.used.fetch_add(added, Ordering::Relaxed) + added > self.max {
                self.over_limit.notify_one();
            }
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}
