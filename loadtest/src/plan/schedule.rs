//! When each publication is due.
//!
//! Open loop: the times follow from the rate alone, not from how fast the server responds. The user can change the rate
//! with a key. A change takes effect after [`AHEAD`], so that every publisher notices it in time, and later publications
//! are scheduled from that moment.

use super::arrivals::Arrivals;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Time from a change until it takes effect.
const AHEAD: Duration = Duration::from_millis(100);
/// How often a waiting publisher checks whether the schedule has changed; well below [`AHEAD`].
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(50);
/// Maximum number of rate changes in a run.
const MAX_SEGMENTS: usize = 10_000;
/// Highest rate in publications per second; also the limit of `--rate`.
const MAX_RATE: f64 = 10_000_000.0;
/// Lowest rate that can be reached with keys; a slower run would look paused.
const MIN_RATE: f64 = 0.1;

/// All nanoseconds are on the clock of the run.
#[derive(Debug)]
pub(crate) struct Schedule {
    duration: Duration,
    arrivals: Arrivals,
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Publications per second; kept during a pause.
    rate: f64,
    paused: bool,
    end_ns: u64,
    /// In order of time; empty until publishing begins.
    segments: Vec<Segment>,
}

/// A time of constant rate. It ends where the next segment begins.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Number of its first publication.
    first: u64,
    /// When that publication is due.
    from_ns: u64,
    /// Publications per second; 0 during a pause.
    rate: f64,
}

impl Segment {
    fn due_ns(&self, arrivals: &Arrivals, n: u64) -> u64 {
        let place = arrivals.place(n) - arrivals.start(self.first);
        self.from_ns
            .saturating_add((place * 1e9 / self.rate) as u64)
    }

    /// Number of publications of this segment if it lasts until `end_ns`.
    fn all_until(&self, arrivals: &Arrivals, end_ns: u64) -> u64 {
        let seconds = end_ns.saturating_sub(self.from_ns) as f64 / 1e9;
        let end = arrivals.start(self.first) + self.rate * seconds;
        arrivals.before(end).saturating_sub(self.first)
    }

    /// Number of the first publication due at `at_ns` or later.
    fn next_at(&self, arrivals: &Arrivals, at_ns: u64) -> u64 {
        if self.rate <= 0.0 {
            return self.first;
        }
        let seconds = at_ns.saturating_sub(self.from_ns) as f64 / 1e9;
        let place = arrivals.start(self.first) + self.rate * seconds;
        let mut n = arrivals.before(place).max(self.first);
        while n > self.first && self.due_ns(arrivals, n - 1) >= at_ns {
            n -= 1;
        }
        while self.due_ns(arrivals, n) < at_ns {
            n += 1;
        }
        n
    }
}

impl Schedule {
    /// A schedule of `rate` publications per second for `duration`. Nothing is due before [`begin`](Self::begin).
    pub(crate) fn new(rate: f64, duration: Duration, arrivals: Arrivals) -> Self {
        Self {
            duration,
            arrivals,
            inner: RwLock::new(Inner {
                rate,
                paused: false,
                end_ns: 0,
                segments: Vec::new(),
            }),
        }
    }

    /// Sets the time of the first publication.
    pub(crate) fn begin(&self, start_ns: u64) {
        let mut inner = self.write();
        inner.end_ns = start_ns + self.duration.as_nanos() as u64;
        let rate = if inner.paused { 0.0 } else { inner.rate };
        inner.segments = vec![Segment {
            first: 0,
            from_ns: start_ns,
            rate,
        }];
    }

    /// When publishing ends.
    pub(crate) fn end_ns(&self) -> u64 {
        self.read().end_ns
    }

    /// When publication `n` is due. `None` if it is not on the schedule (yet).
    pub(crate) fn due_ns(&self, n: u64) -> Option<u64> {
        let inner = self.read();
        let next = inner.segments.partition_point(|segment| segment.first <= n);
        let segment = inner.segments[..next].last()?;
        if next == inner.segments.len()
            && n - segment.first >= segment.all_until(&self.arrivals, inner.end_ns)
        {
            return None;
        }
        Some(segment.due_ns(&self.arrivals, n))
    }

    /// Number of publications of the whole run, by the current schedule.
    pub(crate) fn publications(&self) -> u64 {
        let inner = self.read();
        inner.segments.last().map_or(0, |last| {
            last.first + last.all_until(&self.arrivals, inner.end_ns)
        })
    }

    /// The lowest and the highest rate so far, without pauses.
    pub(crate) fn rates(&self) -> (f64, f64) {
        let inner = self.read();
        let rates = inner.segments.iter().map(|segment| segment.rate);
        rates
            .filter(|rate| *rate > 0.0)
            .map(|rate| (rate, rate))
            .reduce(|(low, high), (rate, _)| (low.min(rate), high.max(rate)))
            .unwrap_or((inner.rate, inner.rate))
    }

    /// The rate in publications per second, and whether publishing is paused.
    pub(crate) fn pace(&self) -> (f64, bool) {
        let inner = self.read();
        (inner.rate, inner.paused)
    }

    /// Pauses or resumes. Returns whether publishing is now paused, or `None` if it is too late in the run for a change.
    pub(crate) fn toggle_pause(&self, now_ns: u64) -> Option<bool> {
        let mut inner = self.write();
        let paused = !inner.paused;
        let rate = inner.rate;
        inner
            .change(&self.arrivals, now_ns, rate, paused)
            .then_some(paused)
    }

    /// Multiplies the rate by `factor`. Returns the new rate, or `None` if it would be out of range or it is too late in
    /// the run.
    pub(crate) fn scale(&self, now_ns: u64, factor: f64) -> Option<f64> {
        let mut inner = self.write();
        let rate = inner.rate * factor;
        let paused = inner.paused;
        ((MIN_RATE..=MAX_RATE).contains(&rate)
            && inner.change(&self.arrivals, now_ns, rate, paused))
        .then_some(rate)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change(&mut self, arrivals: &Arrivals, now_ns: u64, rate: f64, paused: bool) -> bool {
        let from_ns = now_ns + AHEAD.as_nanos() as u64;
        if let Some(last) = self.segments.last() {
            let from_ns = from_ns.max(last.from_ns);
            if from_ns >= self.end_ns || self.segments.len() >= MAX_SEGMENTS {
                return false;
            }
            let first = last.next_at(arrivals, from_ns);
            let rate = if paused { 0.0 } else { rate };
            self.segments.push(Segment {
                first,
                from_ns,
                rate,
            });
        }
        (self.rate, self.paused) = (rate, paused);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn begun(rate: f64, seconds: u64) -> Schedule {
        let arrivals = Arrivals::constant();
        let schedule = Schedule::new(rate, Duration::from_secs(seconds), arrivals);
        schedule.begin(SECOND);
        schedule
    }

    /// When each publication of a run is due, in milliseconds.
    fn times(schedule: &Schedule) -> Vec<u64> {
        (0..schedule.publications())
            .map(|n| schedule.due_ns(n).expect("it is of the run") / 1_000_000)
            .collect()
    }

    #[test]
    fn spaces_publications_evenly_until_the_end() {
        let schedule = begun(4.0, 2);
        let expected = [1000, 1250, 1500, 1750, 2000, 2250, 2500, 2750];
        assert_eq!(times(&schedule), expected);
        assert_eq!(schedule.due_ns(8), None);
        let unbegun = Schedule::new(4.0, Duration::from_secs(2), Arrivals::constant());
        assert_eq!(unbegun.due_ns(0), None);
        assert_eq!(begun(0.0, 5).publications(), 0);
    }

    #[test]
    fn schedules_from_the_moment_of_a_change() {
        let schedule = begun(4.0, 2);
        // Takes effect at 1.6 s: the publication at 1.5 s is still due, the one at 1.75 s is rescheduled.
        assert_eq!(schedule.scale(1_500_000_000, 2.0), Some(8.0));
        let expected = [
            1000, 1250, 1500, 1600, 1725, 1850, 1975, 2100, 2225, 2350, 2475, 2600, 2725, 2850,
        ];
        assert_eq!(times(&schedule), expected);
    }

    #[test]
    fn schedules_nothing_during_a_pause() {
        let schedule = begun(4.0, 2);
        assert_eq!(schedule.toggle_pause(1_400_000_000), Some(true));
        assert_eq!(times(&schedule), [1000, 1250]);
        assert_eq!(schedule.pace(), (4.0, true));
        // The rate may also change during a pause.
        assert_eq!(schedule.scale(1_500_000_000, 0.5), Some(2.0));
        assert_eq!(schedule.toggle_pause(1_900_000_000), Some(false));
        assert_eq!(schedule.rates(), (2.0, 4.0));
        assert_eq!(times(&schedule), [1000, 1250, 2000, 2500]);
    }

    #[test]
    fn refuses_changes_that_come_too_late_or_go_too_far() {
        let schedule = begun(4.0, 2);
        assert_eq!(schedule.toggle_pause(2_900_000_000), None);
        assert_eq!(schedule.scale(1_500_000_000, 1e9), None);
        assert_eq!(schedule.scale(1_500_000_000, 1e-9), None);
        assert_eq!(schedule.pace(), (4.0, false));
        assert_eq!(begun(0.0, 5).scale(SECOND, 2.0), None);
    }

    #[test]
    fn spaces_publications_at_random_until_the_end_and_through_changes() {
        let arrivals = Arrivals::poisson(5, 3000);
        let schedule = Schedule::new(100.0, Duration::from_secs(10), arrivals);
        schedule.begin(SECOND);
        let all = schedule.publications();
        assert!((850..1150).contains(&all), "{all}");
        let at = times(&schedule);
        assert!(at.is_sorted() && at[0] >= 1000 && at[at.len() - 1] <= 11_000);
        assert_eq!(schedule.due_ns(all), None);
        schedule.scale(6 * SECOND, 2.0);
        schedule.toggle_pause(8 * SECOND);
        schedule.toggle_pause(9 * SECOND);
        let faster = times(&schedule);
        assert!(faster.is_sorted());
        // Before the change, nothing is different; during the pause, nothing is due.
        let before = at.partition_point(|ms| *ms < 6100);
        assert_eq!(faster[..before], at[..before]);
        assert!(!faster.iter().any(|ms| (8101..9100).contains(ms)));
        assert!(faster.iter().all(|ms| *ms <= 11_000));
    }

    #[test]
    fn keeps_every_number_and_its_order_through_many_changes() {
        let schedule = begun(997.0, 10);
        for step in 0..200u64 {
            let factor = if step % 3 == 0 { 0.5 } else { 1.3 };
            schedule.scale(SECOND + step * 41_000_003, factor);
            if step % 7 == 0 {
                schedule.toggle_pause(SECOND + step * 41_000_003 + 5);
            }
        }
        let times: Vec<u64> = (0..schedule.publications())
            .map(|n| schedule.due_ns(n).expect("it is of the run"))
            .collect();
        assert!(times.is_sorted());
        assert!(times.iter().all(|&at| at <= schedule.end_ns()));
    }
}
