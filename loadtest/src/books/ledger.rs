//! What was published, and who was subscribed: the truth the books are compared with.

use crate::plan::run_plan::RunPlan;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// Written by publishers (each stream by one of them) and, for subscriber counts, by workers; read by all.
#[derive(Debug)]
pub(crate) struct Ledger {
    streams: Vec<Stream>,
    audiences: Vec<Audience>,
    /// Publications whose fate is unknown (the reply was lost): whether they arrive or not is no fault.
    uncertain: Mutex<HashSet<(usize, u64)>>,
    uncertain_total: AtomicU64,
    /// Sockets that left after they were ready; a subscriber count is only compared while this stands still.
    departures: AtomicU64,
}

#[derive(Debug, Default)]
struct Audience {
    /// Ready sockets that subscribe to the channel now.
    now: AtomicU32,
    /// All that ever did; all of them are ready before the first publication.
    ever: AtomicU32,
    /// Replies that named fewer subscribers than `now`, and the lowest number of them. The server may have
    /// closed a socket that has not heard of it yet, so they are judged at the end.
    undercounts: AtomicU64,
    lowest_count: AtomicU64,
}

#[derive(Debug, Default)]
struct Stream {
    /// Highest number handed to the network.
    sent: AtomicU64,
    /// Highest number that was accepted, or may have been.
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
            uncertain: Mutex::default(),
            uncertain_total: AtomicU64::new(0),
            departures: AtomicU64::new(0),
        }
    }

    /// Announces `seq` before its first byte is sent, so that no receiver can be faster.
    pub(crate) fn sending(&self, stream: usize, seq: u64) {
        self.streams[stream].sent.store(seq, SeqCst);
    }

    /// The server accepted `seq`.
    pub(crate) fn accepted(&self, stream: usize, seq: u64) {
        self.streams[stream].last.store(seq, SeqCst);
    }

    /// Nobody can know whether the server accepted `seq`.
    pub(crate) fn uncertain(&self, stream: usize, seq: u64) {
        self.uncertain
            .lock()
            .expect("no panic holds this lock")
            .insert((stream, seq));
        self.uncertain_total.fetch_add(1, SeqCst);
        self.streams[stream].last.store(seq, SeqCst);
    }

    /// Highest number a receiver may have seen.
    pub(crate) fn sent(&self, stream: usize) -> u64 {
        self.streams[stream].sent.load(SeqCst)
    }

    /// Highest number a receiver must have seen when the books are closed.
    pub(crate) fn last(&self, stream: usize) -> u64 {
        self.streams[stream].last.load(SeqCst)
    }

    /// Whether the absence of `seq` is a loss.
    pub(crate) fn is_expected(&self, stream: usize, seq: u64) -> bool {
        self.uncertain_total.load(SeqCst) == 0
            || !self
                .uncertain
                .lock()
                .expect("no panic holds this lock")
                .contains(&(stream, seq))
    }

    /// A socket has all its subscriptions, for the first time or again.
    pub(crate) fn add_subscribers(&self, channels: impl Iterator<Item = u32>, again: bool) {
        for channel in channels {
            let audience = &self.audiences[channel as usize];
            audience.now.fetch_add(1, SeqCst);
            audience.ever.fetch_add(u32::from(!again), SeqCst);
        }
    }

    /// A ready socket is gone.
    pub(crate) fn remove_subscribers(&self, channels: impl Iterator<Item = u32>) {
        self.departures.fetch_add(1, SeqCst);
        for channel in channels {
            self.audiences[channel as usize].now.fetch_sub(1, SeqCst);
        }
    }

    /// Live subscribers of a channel.
    pub(crate) fn subscribers(&self, channel: u32) -> u32 {
        self.audiences[channel as usize].now.load(SeqCst)
    }

    /// Subscribers a channel ever had.
    pub(crate) fn subscribers_ever(&self, channel: u32) -> u32 {
        self.audiences[channel as usize].ever.load(SeqCst)
    }

    /// A reply named fewer subscribers than there seem to be.
    pub(crate) fn undercount(&self, channel: u32, subscribers: u64) {
        let audience = &self.audiences[channel as usize];
        audience.undercounts.fetch_add(1, SeqCst);
        audience.lowest_count.fetch_min(subscribers, SeqCst);
    }

    /// Channels whose short replies are not explained by sockets that were found closed since: the channel, how
    /// many replies, the lowest number they named, and the subscribers that are left.
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

    /// Ready sockets that are gone.
    pub(crate) fn departures(&self) -> u64 {
        self.departures.load(SeqCst)
    }
}
