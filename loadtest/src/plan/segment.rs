//! A part of a schedule in which the rate is constant or moves evenly.

use super::arrivals::Arrivals;
use std::time::Duration;

/// How the rate moves from a time on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    /// From the first publication.
    pub(crate) at: Duration,
    /// Publications per second at that time.
    pub(crate) rate: f64,
    /// Change of the rate per second.
    pub(crate) slope: f64,
}

/// A time in which the rate is constant or moves evenly. It ends where the next segment begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Number of its first publication.
    pub(super) first: u64,
    pub(super) from_ns: u64,
    /// The place of `from_ns` among the [`Arrivals`].
    pub(super) place: f64,
    /// Publications per second at `from_ns`; 0 during a pause.
    pub(super) rate: f64,
    /// Change of the rate per second.
    pub(super) slope: f64,
}

impl Segment {
    /// A constant rate that begins with publication `first`.
    pub(super) fn constant(arrivals: &Arrivals, first: u64, from_ns: u64, rate: f64) -> Self {
        Self {
            first,
            from_ns,
            place: arrivals.start(first),
            rate,
            slope: 0.0,
        }
    }

    pub(super) fn due_ns(&self, arrivals: &Arrivals, n: u64) -> u64 {
        let distance = arrivals.place(n) - self.place;
        if distance <= 0.0 {
            return self.from_ns;
        }
        if self.slope == 0.0 {
            let ns = distance * 1e9 / self.rate;
            return self.from_ns.saturating_add(ns as u64);
        }
        // The time after which the area below the rate is the distance.
        let square = self.rate * self.rate + 2.0 * self.slope * distance;
        let seconds = if square < 0.0 {
            f64::INFINITY
        } else {
            2.0 * distance / (self.rate + square.sqrt())
        };
        self.from_ns.saturating_add((seconds * 1e9) as u64)
    }

    /// The place of a time among the arrivals.
    pub(super) fn place_at(&self, at_ns: u64) -> f64 {
        let seconds = at_ns.saturating_sub(self.from_ns) as f64 / 1e9;
        self.place + (self.rate + self.slope * seconds / 2.0) * seconds
    }

    /// Number of publications of this segment if it lasts until `end_ns`.
    pub(super) fn all_until(&self, arrivals: &Arrivals, end_ns: u64) -> u64 {
        let all = arrivals.before(self.place_at(end_ns));
        all.saturating_sub(self.first)
    }

    /// Number of the first publication due at `at_ns` or later.
    pub(super) fn next_at(&self, arrivals: &Arrivals, at_ns: u64) -> u64 {
        if self.rate <= 0.0 {
            return self.first;
        }
        let mut n = arrivals.before(self.place_at(at_ns)).max(self.first);
        while n > self.first && self.due_ns(arrivals, n - 1) >= at_ns {
            n -= 1;
        }
        while self.due_ns(arrivals, n) < at_ns {
            n += 1;
        }
        n
    }
}
