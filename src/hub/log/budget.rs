//! The memory budget that all histories share.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A limit on the bytes of all histories together.
///
/// Enforced in two places: a topic that appends beyond the limit drops its own oldest
/// publications, and the sweeper drops the oldest publications of all topics.
#[derive(Debug)]
pub(in crate::hub) struct Budget {
    used: AtomicUsize,
    max: usize,
    /// Wakes the sweeper when the limit is exceeded.
    over_limit: Notify,
}

impl Budget {
    pub(in crate::hub) fn new(max: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            max,
            over_limit: Notify::new(),
        }
    }

    pub(in crate::hub) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(in crate::hub) fn max(&self) -> usize {
        self.max
    }

    pub(in crate::hub) fn is_exceeded(&self) -> bool {
        self.used() > self.max
    }

    /// Records that a topic's size has changed from `before` to `after` bytes.
    pub(in crate::hub) fn update(&self, before: usize, after: usize) {
        if after > before {
            let added = after - before;
            if self.used.fetch_add(added, Ordering::Relaxed) + added > self.max {
                self.over_limit.notify_one();
            }
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Waits until the limit is exceeded.
    ///
    /// Cancel safety: a notification that arrives in between wakes the next call.
    pub(in crate::hub) async fn exceeded(&self) {
        self.over_limit.notified().await;
    }
}
