//! How the server closed the sockets that it had to close.

use crate::measure::latency::Latency;

/// How the server closed the sockets that it had to close: those that read too slowly, or those that were unresponsive.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseCounts {
    /// Number of sockets that had to be closed.
    pub(crate) expected: u64,
    /// Number of sockets that the server closed.
    pub(crate) closed: u64,
    /// Of those, closed before the timeout could have expired.
    pub(crate) early: u64,
    /// Of those, closed too late.
    pub(crate) late: u64,
    /// Of those, closed with the right close code.
    pub(crate) coded: u64,
    /// Of those, closed with a wrong close code, or without one although it could have been delivered.
    pub(crate) miscoded: u64,
    /// Time from the start of the faults until the server closed the socket.
    pub(crate) after: Latency,
}

impl CloseCounts {
    pub(super) fn merge(&mut self, other: &Self) {
        self.expected += other.expected;
        self.closed += other.closed;
        self.early += other.early;
        self.late += other.late;
        self.coded += other.coded;
        self.miscoded += other.miscoded;
        self.after.merge(&other.after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up() {
        let mut after = Latency::default();
        after.record_ns(1);
        let one = CloseCounts {
            expected: 1,
            closed: 2,
            early: 3,
            late: 4,
            coded: 5,
            miscoded: 6,
            after,
        };
        let mut sum = one.clone();
        sum.merge(&one);
        let CloseCounts {
            expected,
            closed,
            early,
            late,
            coded,
            miscoded,
            after,
        } = sum;
        let sums = [expected, closed, early, late, coded, miscoded];
        assert_eq!(sums, [2, 4, 6, 8, 10, 12]);
        assert_eq!(after.count(), 2);
    }
}
