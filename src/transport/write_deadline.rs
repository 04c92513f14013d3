//! The deadline of a write that does not progress.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Tells when a peer has accepted no bytes for too long. While nothing is blocked, it owns no
/// timer.
#[derive(Default)]
pub(super) struct WriteDeadline(Option<Pin<Box<Sleep>>>);

impl WriteDeadline {
    /// To be called when a write is blocked, by the task that waits for it; ready once it has
    /// been blocked for `timeout`.
    pub(super) fn poll_blocked(&mut self, cx: &mut Context<'_>, timeout: Duration) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep(timeout)));
        timer.as_mut().poll(cx)
    }

    /// To be called when bytes were accepted.
    pub(super) fn progressed(&mut self) {
        self.0 = None;
    }
}

impl fmt::Debug for WriteDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadline = self.0.as_ref().map(|timer| timer.deadline());
        f.debug_tuple("WriteDeadline").field(&deadline).finish()
    }
}
