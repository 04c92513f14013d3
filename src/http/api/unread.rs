//! The memory of answers that peers have not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The bytes of the answers that peers have not read yet.
///
/// An answer is made while less than the limit is in use, because its size is known only then. So
/// the limit is exceeded by at most one answer for each task that makes one at the time.
#[derive(Debug)]
pub(super) struct UnreadAnswers {
    used: AtomicUsize,
    max_bytes: usize,
    /// Wakes all that wait for room.
    freed: Notify,
}

impl UnreadAnswers {
    pub(super) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            max_bytes,
            freed: Notify::new(),
        })
    }

    /// Whether another answer may be made.
    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::SeqCst) < self.max_bytes
    }

    /// Waits until another answer may be made.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn room(&self) {
        loop {
            // Created before the check, so that memory freed right after it is not missed.
            let freed = self.freed.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Counts an answer until it has been written, or never will be.
    pub(super) fn charge(self: &Arc<Self>, text: Vec<u8>) -> UnreadAnswer {
        self.used.fetch_add(text.len(), Ordering::SeqCst);
        UnreadAnswer {
            text,
            all: self.clone(),
        }
    }
}

/// The text of an answer until it has been written.
#[derive(Debug)]
pub(super) struct UnreadAnswer {
    text: Vec<u8>,
    all: Arc<UnreadAnswers>,
}

impl AsRef<[u8]> for UnreadAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for UnreadAnswer {
    fn drop(&mut self) {
        self.all.used.fetch_sub(self.text.len(), Ordering::SeqCst);
        if self.all.has_room() {
            self.all.freed.notify_waiters();
        }
    }
}
