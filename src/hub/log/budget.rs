//! The bytes of all histories together.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A bound that all topics share. It is kept by whoever adds to it (a publication that
/// does not fit is not kept) and by the sweeper, which makes room by age.
#[derive(Debug)]
pub(in crate::hub) struct Budget {
    used: AtomicUsize,
    max: usize,
    pressed: Notify,
}

impl Budget {
    pub(in crate::hub) fn new(max: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            max,
            pressed: Notify::new(),
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

    /// Notes that a topic holds `after` bytes and no longer `before`.
    pub(in crate::hub) fn change(&self, before: usize, after: usize) {
        if after > before {
            let added = after - before;
            if self.used.fetch_add(added, Ordering::Relaxed) + added > self.max {
                self.pressed.notify_one();
            }
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Waits until the bound was exceeded. Cancel safety: what was noticed is kept for the
    /// next wait.
    pub(in crate::hub) async fn exceeded(&self) {
        self.pressed.notified().await;
    }
}
