//! The announcement of a drain.

use std::sync::OnceLock;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::wire::Frame;

/// The announcement of a drain, for which connections wait that are made during it.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    notice: OnceLock<Frame>,
    is_over: CancellationToken,
}

impl Announcement {
    /// Waits until all clients that were known have been told, and returns what they were
    /// told. `None` if the drain ended before that.
    pub(super) async fn made(&self) -> Option<&Frame> {
        self.is_over.cancelled().await;
        self.notice.get()
    }

    /// This is what clients are told, from now on.
    pub(super) fn begin(&self, notice: Frame) {
        self.notice.get_or_init(|| notice);
    }

    /// Nobody waits any more when the guard is dropped.
    pub(super) fn over_on_drop(&self) -> DropGuard {
        self.is_over.clone().drop_guard()
    }
}
