//! One monotonic clock for the whole run.

use std::time::{Duration, Instant};

/// Counts nanoseconds from the start of the run. Senders and receivers share one clock, so the difference between two
/// readings needs no correction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts a clock at zero.
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now_ns(self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// The `Instant` at which this clock reads `ns`.
    pub(crate) fn instant(self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}
