//! The hub's counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::LimitCounters;

/// A counter that only increases.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one hub since it was created.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_field_names,
    reason = "a counter is named as it is exported"
)]
pub struct Metrics {
    /// Connections opened.
    pub connections_total: Counter,
    /// Broadcasts and publications accepted into a topic.
    pub broadcasts_total: Counter,
    /// Messages written to a client's socket in full.
    pub deliveries_total: Counter,
    /// Publications replayed from a history.
    pub replayed_total: Counter,
    /// Clients closed because their outbox was full, or all outboxes were and theirs was the
    /// largest.
    pub slow_consumers_total: Counter,
    /// Of these, those whose outbox was the largest when all outboxes exceeded their total.
    pub largest_evicted_total: Counter,
    /// Clients closed because they did not answer pings in time.
    pub heartbeat_timeouts_total: Counter,
    /// Connections reset because their socket accepted no bytes for too long.
    pub write_timeouts_total: Counter,
    /// Panics of connection tasks and of the application's policy. Each ended only its own
    /// connection or request.
    pub panics_total: Counter,
    /// Calls of the observer that panicked; each was caught.
    pub observer_panics_total: Counter,
    /// Refusals, by the limit that was reached.
    pub limited: Arc<LimitCounters>,
}
