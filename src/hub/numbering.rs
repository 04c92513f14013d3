//! Whether topics still number publications.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether topics still number publications. Once histories are being saved they do not: the next
/// process goes on with the same numbers.
///
/// Ordering: it is read under a topic's lock. A thread that closes it and then locks a topic sees every
/// publication that was numbered there. A topic that is not in the registry by then has numbered none.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    is_closed: AtomicBool,
}

impl Numbering {
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }
}
