//! What one subscription has received from one publisher, in 16 bytes.

/// The sequence numbers that a subscription has received from one stream.
///
/// The numbers of a stream start at 1 and increase by 1. The book remembers the last 64, so it can tell a late message
/// from a duplicate. A missing number counts as lost once it is older than that, or when the book is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Book {
    /// The highest number received, plus 1.
    next: u64,
    /// Bit `k` is set if number `next - 1 - k` was received or is not expected. 0 before the first number of an interval.
    window: u64,
}

/// How a message arrived, relative to earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Its number is higher than all before.
    Forward,
    /// It was still missing, but a later message arrived first.
    Late,
    /// It was received before. A number that is older than the window counts as a duplicate, too.
    Duplicate,
}

const WINDOW: u64 = 64;

impl Default for Book {
    fn default() -> Self {
        Self {
            next: 1,
            window: u64::MAX,
        }
    }
}

impl Book {
    /// A book for a subscription that was confirmed when `sent` was the highest number sent. Whether numbers up to `sent`
    /// still arrive depends on which was faster, the subscription or the publication. All numbers are expected from the
    /// first one that arrives, and from `sent + 1` in any case.
    pub(crate) fn opened_at(sent: u64) -> Self {
        Self {
            next: sent + 1,
            window: 0,
        }
    }

    /// Whether nothing has arrived since [`opened_at`](Self::opened_at).
    pub(crate) fn is_fresh(&self) -> bool {
        self.window == 0
    }

    /// Records `seq`. Calls `on_lost` for each missing number that is now too old to be late.
    pub(crate) fn record(&mut self, seq: u64, on_lost: impl FnMut(u64)) -> Arrival {
        if self.window == 0 {
            self.window = u64::MAX;
            self.next = self.next.min(seq);
        }
        if seq >= self.next {
            self.advance_to(seq, on_lost);
            self.window |= 1;
            return Arrival::Forward;
        }
        let age = self.next - 1 - seq;
        if age >= WINDOW || self.window & (1 << age) != 0 {
            return Arrival::Duplicate;
        }
        self.window |= 1 << age;
        Arrival::Late
    }

    /// Whether every expected number up to `last` has arrived.
    pub(crate) fn is_complete(&self, last: u64) -> bool {
        matches!(self.window, 0 | u64::MAX) && self.next > last
    }

    /// Closes the book: calls `on_lost` for each missing number up to `last` that has not been reported yet.
    pub(crate) fn close(&self, last: u64, mut on_lost: impl FnMut(u64)) {
        if self.window != 0 {
            self.gaps(WINDOW, &mut on_lost);
        }
        (self.next..=last).for_each(on_lost);
    }

    /// The number of missing numbers up to `last`, without those that have been reported as lost.
    pub(crate) fn missing(&self, last: u64) -> u64 {
        let holes = match self.window {
            0 => 0,
            window => u64::from(window.count_zeros()),
        };
        holes + (last + 1).saturating_sub(self.next)
    }

    /// The highest number received; 0 if there is none.
    pub(crate) fn highest(&self) -> u64 {
        self.next - 1
    }

    fn advance_to(&mut self, seq: u64, mut on_lost: impl FnMut(u64)) {
        let shift = seq - self.next + 1;
        self.gaps(shift.min(WINDOW), &mut on_lost);
        if shift < WINDOW {
            self.window <<= shift;
        } else {
            // Numbers that were skipped and are already older than the new window.
            (self.next..=seq.saturating_sub(WINDOW)).for_each(on_lost);
            self.window = 0;
        }
        self.next = seq + 1;
    }

    /// Calls `on_lost` for each missing number among the `oldest` oldest of the window, in order.
    fn gaps(&self, oldest: u64, on_lost: &mut impl FnMut(u64)) {
        if u64::from(self.window.leading_ones()) >= oldest {
            return;
        }
        for age in (WINDOW - oldest..WINDOW).rev() {
            if self.window & (1 << age) == 0 {
                on_lost(self.next - 1 - age);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{Duplicate, Forward, Late};
    use super::*;

    fn record_all(
        numbers: impl IntoIterator<Item = u64>,
        end: u64,
    ) -> (Vec<Arrival>, Vec<u64>, Book) {
        let mut book = Book::default();
        let mut lost = Vec::new();
        let arrivals = numbers
            .into_iter()
            .map(|seq| book.record(seq, |seq| lost.push(seq)))
            .collect();
        book.close(end, |seq| lost.push(seq));
        (arrivals, lost, book)
    }

    #[test]
    fn is_complete_when_all_arrived_in_order() {
        let (arrivals, lost, book) = record_all(1..=200, 200);
        assert!(arrivals.iter().all(|a| *a == Arrival::Forward));
        assert!(lost.is_empty());
        assert!(book.is_complete(200));
        assert!(!book.is_complete(201));
    }

    #[test]
    fn reports_each_lost_number_once() {
        let (_, lost, book) = record_all((1..=300).filter(|n| n % 100 != 0), 300);
        assert_eq!(lost, [100, 200, 300]);
        assert!(!book.is_complete(300));
    }

    #[test]
    fn counts_a_long_gap_exactly() {
        for jump in [2, 63, 64, 65, 66, 129, 1000] {
            let (_, lost, _) = record_all([1, jump + 1], jump + 3);
            let expected: Vec<u64> = (2..=jump).chain([jump + 2, jump + 3]).collect();
            assert_eq!(lost, expected, "jump {jump}");
        }
    }

    #[test]
    fn tells_late_from_duplicate() {
        let (arrivals, lost, _) = record_all([1, 3, 2, 3, 2, 4], 4);
        assert_eq!(
            arrivals,
            [Forward, Forward, Late, Duplicate, Duplicate, Forward]
        );
        assert!(lost.is_empty());
    }

    #[test]
    fn waits_for_a_late_number_for_64_numbers() {
        for (next, arrival) in [(64, Late), (65, Duplicate)] {
            let (arrivals, lost, _) = record_all((2..=next).chain([1]), next);
            assert_eq!(arrivals.last(), Some(&arrival), "after {next}");
            // Once it has counted as lost, it cannot arrive any more.
            assert_eq!(lost.is_empty(), arrival == Late, "after {next}");
        }
    }

    #[test]
    fn begins_an_interval_with_the_first_number_that_arrives() {
        for (first, expected) in [(8, vec![]), (10, vec![]), (11, vec![]), (13, vec![11, 12])] {
            let mut book = Book::opened_at(10);
            assert!(book.is_complete(10) && !book.is_complete(11));
            let mut lost = Vec::new();
            for seq in first..=15 {
                assert_eq!(book.record(seq, |seq| lost.push(seq)), Forward, "{seq}");
            }
            book.close(15, |seq| lost.push(seq));
            assert_eq!(lost, expected, "first {first}");
        }
        let mut lost = Vec::new();
        Book::opened_at(10).close(12, |seq| lost.push(seq));
        assert_eq!(lost, [11, 12]);
    }

    #[test]
    fn counts_what_is_missing() {
        let mut book = Book::opened_at(3);
        assert_eq!((book.missing(3), book.missing(5)), (0, 2));
        for seq in [4, 6, 9] {
            book.record(seq, |_| {});
        }
        assert_eq!((book.missing(9), book.missing(11)), (3, 5));
        assert_eq!(Book::opened_at(u64::MAX - 1).missing(7), 0);
    }

    #[test]
    fn reports_everything_as_lost_when_nothing_arrived() {
        let (_, lost, _) = record_all([], 3);
        assert_eq!(lost, [1, 2, 3]);
    }
}
