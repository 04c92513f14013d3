//! Time in which this process was running.
//!
//! After the process was stopped, or the machine slept, every client would look silent. Heartbeats
//! therefore use a clock that does not advance meanwhile.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// Shortest step that counts as a pause.
const MIN_PAUSE: Duration = Duration::from_millis(250);

/// A point in running time, in milliseconds since the shard began. It wraps after 49 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunningTime(NonZeroU32);

impl RunningTime {
    fn from_millis(millis: u64) -> Self {
        Self(NonZeroU32::new(millis as u32).unwrap_or(NonZeroU32::MIN))
    }

    /// The running time from `earlier` to this point.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::from(self.0.get().wrapping_sub(earlier.0.get())))
    }
}

/// Counts the time between its steps, but no step for longer than it should take.
#[derive(Debug)]
pub(super) struct RunningClock {
    last: Instant,
    millis: u64,
    /// What is left of a millisecond.
    rest: Duration,
    longest_step: Duration,
}

impl RunningClock {
    /// A clock that is stepped at least once in every `tick`.
    pub(super) fn new(tick: Duration, now: Instant) -> Self {
        Self {
            last: now,
            millis: 1,
            rest: Duration::ZERO,
            longest_step: (2 * tick).max(MIN_PAUSE),
        }
    }

    pub(super) fn now(&self) -> RunningTime {
        RunningTime::from_millis(self.millis)
    }

    /// Moves the clock on to `now`.
    pub(super) fn step(&mut self, now: Instant) {
        let step = now.saturating_duration_since(self.last);
        self.last = now;
        let step = step.min(self.longest_step) + self.rest;
        let millis = step.as_millis() as u64;
        self.millis += millis;
        self.rest = step.saturating_sub(Duration::from_millis(millis));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_short_steps_and_stands_still_in_a_pause() {
        let start = Instant::now();
        let mut clock = RunningClock::new(Duration::from_millis(500), start);
        let began = clock.now();
        let mut now = start;
        for _ in 0..10_000 {
            now += Duration::from_micros(100);
            clock.step(now);
        }
        assert_eq!(clock.now().since(began), Duration::from_secs(1));
        now += Duration::from_secs(3600);
        clock.step(now);
        assert_eq!(clock.now().since(began), Duration::from_secs(2));
    }

    #[test]
    fn it_wraps() {
        let (before, after) = (
            RunningTime::from_millis(u64::from(u32::MAX) - 10),
            RunningTime::from_millis(u64::from(u32::MAX) + 21),
        );
        assert_eq!(after.since(before), Duration::from_millis(31));
    }
}
