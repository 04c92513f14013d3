//! When a key set is fetched.

use std::time::{Duration, Instant};

/// Least time between two fetches that clients cause with unknown keys.
const ON_DEMAND_PAUSE: Duration = Duration::from_secs(30);

/// Longest pause after a fetch that failed.
const MAX_RETRY: Duration = Duration::from_secs(30);

/// How long the last good set is kept while fetching fails.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What a caller who misses a key is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// A fetch is due now, or in flight: wait for it.
    Expected,
    /// There will be none in time, because the last one was too recent.
    TooSoon,
}

/// Decides when a key set is fetched: at the start, at intervals, and when a key is missing. It does
/// no I/O: the fetcher asks it when to fetch, and reports how each fetch ended.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// When the next fetch is due. `None` until the first one was begun: at once.
    next: Option<Instant>,
    is_in_flight: bool,
    /// The last fetch that a missing key caused.
    demanded: Option<Instant>,
    succeeded: Option<Instant>,
    /// The number of fetches that failed since the last one that succeeded.
    failures: u32,
}

impl Schedule {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: None,
            is_in_flight: false,
            demanded: None,
            succeeded: None,
            failures: 0,
        }
    }

    /// How long until the next fetch is due.
    pub(super) fn due_in(&self, now: Instant) -> Duration {
        let due = self.next.map(|next| next.saturating_duration_since(now));
        due.unwrap_or_default()
    }

    /// Begins a fetch if one is due and none is in flight.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let begins = !self.is_in_flight && self.due_in(now).is_zero();
        self.is_in_flight |= begins;
        begins
    }

    /// A key is missing: makes a fetch due, unless a missing key caused one less than 30 s ago.
    pub(super) fn demand(&mut self, now: Instant) -> Fetch {
        if self.is_in_flight || self.due_in(now).is_zero() {
            return Fetch::Expected;
        }
        let is_recent = |at: Instant| now.saturating_duration_since(at) < ON_DEMAND_PAUSE;
        if self.demanded.is_some_and(is_recent) {
            return Fetch::TooSoon;
        }
        self.demanded = Some(now);
        self.next = Some(now);
        Fetch::Expected
    }

    /// The fetch in flight succeeded.
    pub(super) fn succeed(&mut self, now: Instant) {
        self.is_in_flight = false;
        self.succeeded = Some(now);
        self.failures = 0;
        self.next = now.checked_add(self.interval);
    }

    /// The fetch in flight failed. Returns whether the last good set is too old to be kept.
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        self.is_in_flight = false;
        let pause = Duration::from_secs(1 << self.failures.min(5)).min(MAX_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.next = now.checked_add(pause.min(self.interval));
        let is_old = |at: Instant| now.saturating_duration_since(at) >= KEPT;
        self.succeeded.is_none_or(is_old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn fetched(now: Instant) -> Schedule {
        let mut schedule = Schedule::new(10 * MINUTE);
        assert!(schedule.begin(now));
        schedule.succeed(now);
        schedule
    }

    #[test]
    fn a_set_is_fetched_at_the_start_and_at_intervals() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * MINUTE);
        assert!(schedule.due_in(start).is_zero() && schedule.begin(start));
        assert!(!schedule.begin(start), "one is in flight");
        schedule.succeed(start);
        assert_eq!(schedule.due_in(start), 10 * MINUTE);
        assert!(!schedule.begin(start + 9 * MINUTE));
        assert!(schedule.begin(start + 10 * MINUTE));
    }

    #[test]
    fn missing_keys_cause_one_fetch_in_30_seconds() {
        let start = Instant::now();
        let mut schedule = fetched(start);
        assert_eq!(schedule.demand(start), Fetch::Expected);
        assert_eq!(schedule.demand(start), Fetch::Expected, "it is due");
        assert!(schedule.begin(start));
        assert_eq!(schedule.demand(start), Fetch::Expected, "it is in flight");
        schedule.succeed(start);
        let mut fetches = 0;
        for second in 0..90 {
            let now = start + Duration::from_secs(second);
            schedule.demand(now);
            if schedule.begin(now) {
                fetches += 1;
                schedule.succeed(now);
            }
        }
        assert_eq!(fetches, 2, "after 30 and 60 seconds");
    }

    #[test]
    fn a_fetch_that_failed_is_tried_again_soon_but_not_often() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * MINUTE);
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..40 {
            assert!(schedule.begin(now));
            schedule.fail(now);
            let pause = schedule.due_in(now);
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert!(pauses[7..].iter().all(|&pause| pause == 30));
        assert!(schedule.begin(now));
        schedule.succeed(now);
        assert_eq!(schedule.due_in(now), 10 * MINUTE);
    }

    #[test]
    fn the_last_good_set_is_kept_for_24_hours() {
        let start = Instant::now();
        let mut schedule = fetched(start);
        let day = Duration::from_secs(24 * 3600);
        assert!(schedule.begin(start + day / 2));
        assert!(!schedule.fail(start + day / 2));
        let almost = start + Duration::from_secs(24 * 3600 - 1);
        assert!(schedule.begin(almost) && !schedule.fail(almost));
        let later = start + day + Duration::from_secs(1);
        assert!(schedule.begin(later) && schedule.fail(later));
    }
}
