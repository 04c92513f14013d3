//! When each publication is due.
//!
//! Open loop: the times follow from the rate alone, not from how fast the server responds. The user can change the rate
//! with a key. A change takes effect after [`AHEAD`], so that every publisher notices it in time, and later publications
//! are scheduled from that moment. A rate that is set in stages cannot be changed with keys.

use super::arrivals::Arrivals;
use super::segment::{Ramp, Segment};
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
    /// Publications per second; kept during a pause. The highest one, if it is set in stages.
    rate: f64,
    /// How the rate moves, if it is set in stages.
    ramps: Vec<Ramp>,
    paused: bool,
    end_ns: u64,
    /// In order of time; empty until publishing begins.
    segments: Vec<Segment>,
}

impl Schedule {
    /// A schedule of `rate` publications per second for `duration`. Nothing is due before [`begin`](Self::begin).
    pub(crate) fn new(rate: f64, duration: Duration, arrivals: Arrivals) -> Self {
        Self {
            duration,
            arrivals,
            inner: RwLock::new(Inner {
                rate,
                ramps: Vec::new(),
                paused: false,
                end_ns: 0,
                segments: Vec::new(),
            }),
        }
    }

    /// A schedule whose rate moves; without ramps, it is [`new`](Self::new). `rate` is the highest rate then.
    pub(crate) fn with_ramps(
        rate: f64,
        ramps: Vec<Ramp>,
        duration: Duration,
        arrivals: Arrivals,
    ) -> Self {
        let schedule = Self::new(rate, duration, arrivals);
        schedule.write().ramps = ramps;
        schedule
    }

    /// Sets the time of the first publication, or of the first ramp.
    pub(crate) fn begin(&self, start_ns: u64) {
        let mut inner = self.write();
        inner.end_ns = start_ns + self.duration.as_nanos() as u64;
        if inner.ramps.is_empty() {
            let rate = if inner.paused { 0.0 } else { inner.rate };
            inner.segments = vec![Segment::constant(&self.arrivals, 0, start_ns, rate)];
            return;
        }
        let mut segments: Vec<Segment> = Vec::with_capacity(inner.ramps.len());
        for ramp in &inner.ramps {
            let from_ns = start_ns + ramp.at.as_nanos() as u64;
            let place = segments.last().map_or(0.0, |last| last.place_at(from_ns));
            segments.push(Segment {
                first: self.arrivals.next(place),
                from_ns,
                place,
                rate: ramp.rate,
                slope: ramp.slope,
            });
        }
        inner.segments = segments;
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
    pub(crate) fn pace(&self, now_ns: u64) -> (f64, bool) {
        let inner = self.read();
        if inner.ramps.is_empty() {
            return (inner.rate, inner.paused);
        }
        let at_ns = now_ns.min(inner.end_ns);
        let begun = inner.segments.partition_point(|own| own.from_ns <= at_ns);
        let rate = inner.segments[..begun].last().map_or(0.0, |segment| {
            let seconds = (at_ns - segment.from_ns) as f64 / 1e9;
            segment.rate + segment.slope * seconds
        });
        (rate, inner.paused)
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
        if !self.ramps.is_empty() {
            return false;
        }
        let from_ns = now_ns + AHEAD.as_nanos() as u64;
        if let Some(last) = self.segments.last() {
            let from_ns = from_ns.max(last.from_ns);
            if from_ns >= self.end_ns || self.segments.len() >= MAX_SEGMENTS {
                return false;
            }
            let first = last.next_at(arrivals, from_ns);
            let rate = if paused { 0.0 } else { rate };
            let segment = Segment::constant(arrivals, first, from_ns, rate);
            self.segments.push(segment);
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
        assert_eq!(schedule.pace(SECOND), (4.0, true));
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
        assert_eq!(schedule.pace(SECOND), (4.0, false));
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
    fn follows_the_area_below_a_rate_that_moves() {
        let ramp = |at: u64, rate, slope| Ramp {
            at: Duration::from_secs(at),
            rate,
            slope,
        };
        // From 0 to 4/s in 2 s, then 2 s of 4/s, then down to 0 in 2 s.
        let ramps = vec![ramp(0, 0.0, 2.0), ramp(2, 4.0, 0.0), ramp(4, 4.0, -2.0)];
        let of = |arrivals| {
            let duration = Duration::from_secs(6);
            let schedule = Schedule::with_ramps(4.0, ramps.clone(), duration, arrivals);
            schedule.begin(SECOND);
            schedule
        };
        let schedule = of(Arrivals::constant());
        let expected = [
            1000, 2000, 2414, 2732, 3000, 3250, 3500, 3750, 4000, 4250, 4500, 4750, 5000, 5267,
            5585, 6000,
        ];
        assert_eq!(times(&schedule), expected);
        assert_eq!(schedule.due_ns(16), None);
        let rates = [1, 2, 3, 4, 5, 6, 7, 9].map(|at| schedule.pace(at * SECOND).0.round() as u64);
        assert_eq!(rates, [0, 2, 4, 4, 4, 2, 0, 0]);
        // Keys do not change it.
        assert_eq!(schedule.scale(2 * SECOND, 2.0), None);
        assert_eq!(schedule.toggle_pause(2 * SECOND), None);
        assert_eq!(times(&schedule), expected);
        let random = times(&of(Arrivals::poisson(5, 100)));
        assert!((6..30).contains(&random.len()) && random.is_sorted());
        assert!(random.iter().all(|ms| (1000..=7000).contains(ms)));
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
