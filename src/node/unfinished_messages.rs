//! The memory of the messages of all connections that are incomplete or not carried out.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Up to this many bytes, a message counts as small.
const SMALL_BYTES: usize = 4096;

/// The bytes that the unfinished messages of all connections take together: the incomplete ones,
/// and the commands behind unread replies.
///
/// A message that does not fit ends its connection: waiting would help nobody, because a peer may
/// leave its message incomplete, or its replies unread, for as long as it likes. A quarter is kept
/// for small messages, so that a few peers with large ones do not shut out everybody whose message
/// arrives in two parts.
#[derive(Debug)]
pub struct UnfinishedMessages {
    used: AtomicUsize,
    total: usize,
}

/// Commands behind unread replies, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    messages: &'a UnfinishedMessages,
    bytes: usize,
}

impl UnfinishedMessages {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            total,
        }
    }

    /// Bytes that are in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Changes what one connection takes. False, with the change made all the same, if it takes
    /// more than before and that is more than there is room for.
    pub(crate) fn change(&self, from: usize, to: usize) -> bool {
        if to <= from {
            if to < from {
                self.used.fetch_sub(from - to, Ordering::Relaxed);
            }
            return true;
        }
        let used = self.used.fetch_add(to - from, Ordering::Relaxed) + (to - from);
        let reserve = if to > SMALL_BYTES { self.total / 4 } else { 0 };
        used <= self.total - reserve
    }

    /// Counts commands behind unread replies. `None`, and nothing is counted, if there is no room.
    pub(crate) fn wait(&self, bytes: usize) -> Option<Waiting<'_>> {
        let has_room = self.change(0, bytes);
        let waiting = Waiting {
            messages: self,
            bytes,
        };
        has_room.then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.messages.change(self.bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_kept_for_small_messages() {
        let messages = UnfinishedMessages::new(40_000);
        assert!(messages.change(0, 30_000));
        assert!(!messages.change(30_000, 30_001));
        assert!(messages.change(0, SMALL_BYTES));
        assert!(messages.change(0, SMALL_BYTES));
        assert!(!messages.change(0, SMALL_BYTES), "it is full");
        assert!(messages.change(30_001, 0), "less is always possible");
        assert_eq!(messages.used(), 3 * SMALL_BYTES);
    }

    #[test]
    fn commands_count_while_they_wait_and_not_at_all_if_there_is_no_room() {
        let messages = UnfinishedMessages::new(40_000);
        let waiting = messages.wait(20_000).expect("room");
        assert!(messages.wait(10_001).is_none());
        assert_eq!(messages.used(), 20_000);
        drop(waiting);
        assert_eq!(messages.used(), 0);
    }
}
