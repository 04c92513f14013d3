//! When closing connections are reset.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    /// The latest time to which it may be moved.
    last: Instant,
}

/// The deadlines of the connections that are closing, by their slots. Kept apart from the
/// connections, because most of them have none.
///
/// Bound: one per connection.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    in_order: BTreeSet<(Instant, u32)>,
    by_slot: HashMap<u32, Deadline>,
}

impl Deadlines {
    /// Sets a connection's deadline, or moves it. `last` is the latest time to which it may be
    /// moved.
    pub(super) fn set(&mut self, slot: u32, at: Instant, last: Instant) {
        self.remove(slot);
        self.by_slot.insert(slot, Deadline { at, last });
        self.in_order.insert((at, slot));
    }

    /// Removes a connection's deadline, if it has one, and returns the latest time
    /// to which it may be moved.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Instant> {
        let Deadline { at, last } = self.by_slot.remove(&slot)?;
        self.in_order.remove(&(at, slot));
        if self.by_slot.is_empty() {
            // After many connections have been closed at once, this frees the memory.
            *self = Self::default();
        }
        Some(last)
    }

    /// The next deadline and its slot.
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        self.in_order.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moved_deadline_counts_once_and_the_earliest_comes_first() {
        let mut deadlines = Deadlines::default();
        let now = Instant::now();
        let [early, late] = [1, 2].map(|seconds| now + Duration::from_secs(seconds));
        deadlines.set(7, early, late);
        deadlines.set(8, early, early);
        deadlines.set(7, late, late);
        assert_eq!(deadlines.first(), Some((early, 8)));
        assert_eq!(deadlines.remove(8), Some(early));
        assert_eq!(deadlines.first(), Some((late, 7)));
        assert_eq!(deadlines.remove(7), Some(late));
        assert_eq!(deadlines.remove(7), None);
        assert_eq!(deadlines.first(), None);
    }
}
