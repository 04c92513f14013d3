//! One monotonic time line for the whole process.

use std::time::{Duration, Instant};

/// Nanoseconds since the start of the run. The same origin is used for sending and receiving, so
/// differences need no correction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A time line that begins now.
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Nanoseconds since the origin.
    pub(crate) fn now_ns(self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// The instant that lies `ns` after the origin.
    pub(crate) fn instant(self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}
