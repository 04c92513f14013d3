//! The announcement of a drain.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::dialect::Source;

/// The announcement of a drain. Connections that arrive during the drain wait for it.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    notice: OnceLock<Arc<dyn Source>>,
    is_over: CancellationToken,
}

impl Announcement {
    /// Waits until the announcement was sent to every client that was connected, and returns it.
    /// `None` if the drain ended first.
    pub(super) async fn made(&self) -> Option<&Arc<dyn Source>> {
        self.is_over.cancelled().await;
        self.notice.get()
    }

    /// Sets the announcement.
    pub(super) fn begin(&self, notice: Arc<dyn Source>) {
        self.notice.get_or_init(|| notice);
    }

    /// Nobody waits any more when the guard is dropped.
    pub(super) fn over_on_drop(&self) -> DropGuard {
        self.is_over.clone().drop_guard()
    }
}
