//! Rates, and the buckets that enforce them.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// More than this is no limit that could be measured.
const MAX_COUNT: u32 = 10_000_000;

/// A number of publications per second, minute or hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
    Hour,
}

/// The text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateError;

impl Per {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// How it is written, and its length in seconds.
    fn row(self) -> (&'static str, u64) {
        match self {
            Self::Second => ("s", 1),
            Self::Minute => ("m", 60),
            Self::Hour => ("h", 3600),
        }
    }
}

impl Rate {
    /// Reads `1000/s`, `20/m` or `5/h`.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let (count, unit) = (count.trim(), unit.trim());
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RateError);
        }
        let count: NonZeroU32 = count.parse().map_err(|_| RateError)?;
        let mut units = Per::ALL.into_iter();
        let per = units.find(|per| per.row().0 == unit).ok_or(RateError)?;
        if count.get() > MAX_COUNT {
            return Err(RateError);
        }
        Ok(Self { count, per })
    }

    /// The time for one publication, rounded up, so that a bucket never lets through more.
    fn interval(self) -> u64 {
        let (_, seconds) = self.per.row();
        (seconds * 1_000_000_000).div_ceil(u64::from(self.count.get()))
    }

    /// Publications at once: those of one second, and at least one.
    fn burst(self) -> u64 {
        let (_, seconds) = self.per.row();
        (u64::from(self.count.get()) / seconds).max(1)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.row().0)
    }
}

/// Why a bucket did not give what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// There will be enough after this time, if nobody takes it.
    For(Duration),
    /// More was asked for than the bucket holds.
    Always,
}

/// Lets through publications at a rate, with a burst of one second. Never more than burst + rate ×
/// time, however many take from it at once.
#[derive(Debug)]
pub(super) struct Bucket {
    start: Instant,
    /// When the bucket is full again, in nanoseconds after `start`.
    full_at: AtomicU64,
    /// Nanoseconds for one publication.
    interval: u64,
    /// Nanoseconds in which an empty bucket becomes full.
    depth: u64,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        let interval = rate.interval();
        Self {
            start: now,
            full_at: AtomicU64::new(0),
            interval,
            depth: interval * rate.burst(),
        }
    }

    /// The largest number that can be taken at once.
    pub(super) fn burst(&self) -> u64 {
        self.depth / self.interval
    }

    /// Takes `count` publications, or nothing.
    pub(super) fn take(&self, count: usize, now: Instant) -> Result<(), Empty> {
        let cost = (count as u64).saturating_mul(self.interval);
        if cost > self.depth {
            return Err(Empty::Always);
        }
        let since = now.saturating_duration_since(self.start).as_nanos();
        let now = u64::try_from(since).unwrap_or(u64::MAX);
        let after = |full_at: u64| full_at.max(now).saturating_add(cost);
        let latest = now.saturating_add(self.depth);
        let taken = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                (after(full_at) <= latest).then(|| after(full_at))
            });
        taken
            .map(drop)
            .map_err(|full_at| Empty::For(Duration::from_nanos(after(full_at) - latest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: &str) -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket::new(Rate::parse(rate).unwrap(), now), now)
    }

    #[test]
    fn rates_are_numbers_per_unit() {
        for text in ["1000/s", "20/m", "5/h", "10000000/s"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Rate::parse(" 5 / s ").unwrap().to_string(), "5/s");
        for text in [
            "",
            "1000",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "5/d",
            "5/",
            "10000001/s",
            "5/s/s",
        ] {
            assert_eq!(Rate::parse(text), Err(RateError), "{text}");
        }
    }

    #[test]
    fn a_burst_of_one_second_is_let_through_at_once_and_then_the_rate() {
        let (bucket, start) = bucket("5/s");
        assert_eq!(bucket.burst(), 5);
        assert_eq!(bucket.take(3, start), Ok(()));
        assert_eq!(bucket.take(2, start), Ok(()));
        let wait = Duration::from_millis(200);
        assert_eq!(bucket.take(1, start), Err(Empty::For(wait)));
        assert_eq!(bucket.take(2, start), Err(Empty::For(2 * wait)));
        assert_eq!(bucket.take(1, start + wait), Ok(()));
        assert_eq!(bucket.take(1, start + wait), Err(Empty::For(wait)));
        // It never holds more than a second's worth.
        let later = start + Duration::from_secs(3600);
        assert_eq!(bucket.take(6, later), Err(Empty::Always));
        assert_eq!(bucket.take(5, later), Ok(()));
        assert_eq!(bucket.take(1, later), Err(Empty::For(wait)));
    }

    #[test]
    fn a_rate_below_one_per_second_lets_one_through() {
        let (bucket, start) = bucket("20/m");
        assert_eq!(bucket.take(1, start), Ok(()));
        let wait = Duration::from_secs(3);
        assert_eq!(bucket.take(1, start), Err(Empty::For(wait)));
        assert_eq!(bucket.take(1, start + wait), Ok(()));
    }

    #[test]
    fn it_never_lets_through_more_than_burst_and_rate_allow() {
        for rate in ["1/s", "3/s", "7/m", "1000/s", "9999999/s"] {
            let (bucket, start) = bucket(rate);
            let per_second = 1e9 / bucket.interval as f64;
            let (mut taken, mut at) = (0, Duration::ZERO);
            for step in 0_u64..5_000 {
                at += Duration::from_nanos(step * step % 7_919 * 10_007);
                let count = 1 + step as usize % 3;
                if bucket.take(count, start + at).is_ok() {
                    taken += count;
                }
                let allowed = bucket.burst() as f64 + per_second * at.as_secs_f64();
                assert!(
                    taken as f64 <= allowed + 1e-6,
                    "{rate}: {taken} of {allowed}"
                );
            }
            assert!(taken > 0);
        }
    }
}
