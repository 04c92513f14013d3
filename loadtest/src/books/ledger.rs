//! The ledger: what was published, and how many were subscribed. The books are compared with it.

use crate::plan::run_plan::RunPlan;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// Publishers write what they publish, each stream by one of them; workers write the subscriber counts; all read.
#[derive(Debug)]
pub(crate) struct Ledger {
    streams: Vec<Stream>,
    audiences: Vec<Audience>,
    /// Publications that nobody is owed: refused, or with a lost response.
    not_owed: Mutex<HashSet<(usize, u64)>>,
    not_owed_total: AtomicU64,
    /// Of those, the ones with a lost response. It is correct if they arrive, and if they do not.
    uncertain_total: AtomicU64,
    /// Number of ready sockets that have gone. Subscriber counts are only compared if this has not changed meanwhile.
    departures: AtomicU64,
}

#[derive(Debug, Default)]
struct Audience {
    /// Ready sockets that are subscribed to the channel.
    now: AtomicU32,
    /// Sockets that were ever subscribed. All of them are ready before the first publication.
    ever: AtomicU32,
    /// Responses that counted fewer subscribers than `now`, and the lowest of these counts. The server may have closed a
    /// socket that has not noticed yet, so they are judged at the end of the run.
    undercounts: AtomicU64,
    lowest_count: AtomicU64,
}

#[derive(Debug, Default)]
struct Stream {
    /// Highest number sent.
    sent: AtomicU64,
    /// Highest number that the server accepted.
    last: AtomicU64,
}

impl Ledger {
    pub(crate) fn new(plan: &RunPlan) -> Self {
        Self {
            streams: (0..plan.streams()).map(|_| Stream::default()).collect(),
            audiences: (0..plan.channels)
                .map(|_| Audience {
                    lowest_count: AtomicU64::new(u64::MAX),
                    ..Audience::default()
                })
                .collect(),
            not_owed: Mutex::default(),
            not_owed_total: AtomicU64::new(0),
            uncertain_total: AtomicU64::new(0),
            departures: AtomicU64::new(0),
        }
    }

    /// Notes that `seq` is about to be sent. To be called before its first byte is sent, so that no receiver is faster.
    pub(crate) fn sending(&self, stream: usize, seq: u64) {
        self.streams[stream].sent.store(seq, SeqCst);
    }

    /// Notes that the server accepted `seq`.
    pub(crate) fn accepted(&self, stream: usize, seq: u64) {
        self.streams[stream].last.store(seq, SeqCst);
    }

    /// Notes that `seq` was sent, but the response was lost.
    pub(crate) fn uncertain(&self, stream: usize, seq: u64) {
        self.uncertain_total.fetch_add(1, SeqCst);
        self.refused(stream, seq);
    }

    /// Notes that the server refused `seq`. The number is not used again: an event that was refused, but delivered, must not
    /// stand in for the next one.
    pub(crate) fn refused(&self, stream: usize, seq: u64) {
        self.not_owed
            .lock()
            .expect("no thread panics while it holds the lock")
            .insert((stream, seq));
        self.not_owed_total.fetch_add(1, SeqCst);
    }

    /// Whether the response to every publication has arrived.
    pub(crate) fn is_certain(&self) -> bool {
        self.uncertain_total.load(SeqCst) == 0
    }

    /// The highest number that a subscriber may have received.
    pub(crate) fn sent(&self, stream: usize) -> u64 {
        self.streams[stream].sent.load(SeqCst)
    }

    /// The highest number that a subscriber must have received when the books are closed.
    pub(crate) fn last(&self, stream: usize) -> u64 {
        self.streams[stream].last.load(SeqCst)
    }

    /// Whether there are publications that nobody is owed.
    pub(crate) fn has_exceptions(&self) -> bool {
        self.not_owed_total.load(SeqCst) > 0
    }

    /// Whether it is a loss if `seq` does not arrive.
    pub(crate) fn is_expected(&self, stream: usize, seq: u64) -> bool {
        !self.has_exceptions()
            || !self
                .not_owed
                .lock()
                .expect("no thread panics while it holds the lock")
                .contains(&(stream, seq))
    }

    /// Counts a socket whose subscriptions are all confirmed, for the first time or again.
    pub(crate) fn add_subscribers(&self, channels: impl Iterator<Item = u32>, again: bool) {
        for channel in channels {
            let audience = &self.audiences[channel as usize];
            audience.now.fetch_add(1, SeqCst);
            audience.ever.fetch_add(u32::from(!again), SeqCst);
        }
    }

    /// Uncounts a ready socket that has gone.
    pub(crate) fn remove_subscribers(&self, channels: impl Iterator<Item = u32>) {
        self.departures.fetch_add(1, SeqCst);
        for channel in channels {
            self.audiences[channel as usize].now.fetch_sub(1, SeqCst);
        }
    }

    /// Current number of subscribers of a channel.
    pub(crate) fn subscribers(&self, channel: u32) -> u32 {
        self.audiences[channel as usize].now.load(SeqCst)
    }

    /// Number of subscribers that a channel ever had.
    pub(crate) fn subscribers_ever(&self, channel: u32) -> u32 {
        self.audiences[channel as usize].ever.load(SeqCst)
    }

    /// Notes that a response counted fewer subscribers than there seem to be.
    pub(crate) fn undercount(&self, channel: u32, subscribers: u64) {
        let audience = &self.audiences[channel as usize];
        audience.undercounts.fetch_add(1, SeqCst);
        audience.lowest_count.fetch_min(subscribers, SeqCst);
    }

    /// Channels with low counts that sockets that have gone since do not explain: the channel, the number of such
    /// responses, their lowest count, and the remaining subscribers.
    pub(crate) fn unexplained_undercounts(&self) -> impl Iterator<Item = (u32, u64, u64, u32)> {
        (0..)
            .zip(&self.audiences)
            .filter_map(|(channel, audience)| {
                let replies = audience.undercounts.load(SeqCst);
                let lowest = audience.lowest_count.load(SeqCst);
                let left = audience.now.load(SeqCst);
                (replies > 0 && lowest < u64::from(left))
                    .then_some((channel, replies, lowest, left))
            })
    }

    /// Number of ready sockets that have gone.
    pub(crate) fn departures(&self) -> u64 {
        self.departures.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::plan;

    #[test]
    fn knows_what_is_owed() {
        let ledger = Ledger::new(&plan(2, 2, 1, 1));
        for seq in 1..=4 {
            ledger.sending(1, seq);
        }
        ledger.accepted(1, 1);
        assert!(ledger.is_certain() && !ledger.has_exceptions());
        ledger.refused(1, 2);
        assert!(ledger.is_certain() && ledger.has_exceptions());
        ledger.uncertain(1, 4);
        assert!(!ledger.is_certain());
        assert_eq!((ledger.sent(1), ledger.last(1)), (4, 1));
        let owed = [1, 2, 3, 4].map(|seq| ledger.is_expected(1, seq));
        assert_eq!(owed, [true, false, true, false]);
        assert!(ledger.is_expected(0, 2));
    }

    #[test]
    fn counts_subscribers_and_explains_low_counts() {
        let ledger = Ledger::new(&plan(9, 2, 1, 1));
        for again in [false, false, true] {
            ledger.add_subscribers([1].into_iter(), again);
        }
        assert_eq!((ledger.subscribers(1), ledger.subscribers_ever(1)), (3, 2));
        assert_eq!(ledger.unexplained_undercounts().count(), 0);
        ledger.undercount(1, 2);
        let unexplained: Vec<_> = ledger.unexplained_undercounts().collect();
        assert_eq!(unexplained, [(1, 1, 2, 3)]);
        ledger.undercount(1, 1);
        let unexplained: Vec<_> = ledger.unexplained_undercounts().collect();
        assert_eq!(unexplained, [(1, 2, 1, 3)]);
        for departures in 1..=2 {
            ledger.remove_subscribers([1].into_iter());
            assert_eq!(ledger.departures(), departures);
        }
        // The two that have gone since explain it.
        assert_eq!(ledger.unexplained_undercounts().count(), 0);
        assert_eq!(ledger.subscribers(0), 0);
    }
}
