//! What the hub counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one hub since it began.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that were opened.
    pub connections_total: Counter,
    /// Broadcasts that were accepted into a topic.
    pub broadcasts_total: Counter,
    /// Messages whose bytes were handed to a client's socket in full.
    pub deliveries_total: Counter,
    /// Publications that were replayed from a history.
    pub replayed_total: Counter,
    /// Clients closed because their outbox was full.
    pub slow_consumers_total: Counter,
    /// Clients closed because no pong came in time.
    pub heartbeat_timeouts_total: Counter,
    /// Panics in connections' tasks and in the application's policy; each ended its own
    /// connection or request only.
    pub panics_total: Counter,
    /// Calls of the observer that panicked; each was caught.
    pub observer_panics_total: Counter,
}
