//! Token buckets: so many at once, and then so many per unit of time.

#[cfg(any(test, feature = "auth"))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::rate_limit::RateLimit;

/// What one client, address or key has left: when its bucket is full again, in nanoseconds after the
/// start of the [`Meter`]. A new one is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket(u64);

/// The same, for several threads: what an API key has left.
#[cfg(any(test, feature = "auth"))]
#[derive(Debug, Default)]
pub struct SharedBucket(AtomicU64);

/// Why a bucket did not give what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// There will be enough after this time, if nobody takes it.
    For(Duration),
    /// More was asked for than a full bucket holds.
    Always,
}

/// A limit in force, for any number of buckets. None of them ever lets through more than burst +
/// rate × time.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    start: Instant,
    /// So many come in a period.
    count: u64,
    /// Nanoseconds.
    period: u64,
    /// Nanoseconds in which an empty bucket becomes full.
    depth: u64,
}

impl Meter {
    /// Enforces `limit` from `start` on.
    pub fn new(limit: RateLimit, start: Instant) -> Self {
        let mut meter = Self {
            start,
            count: limit.rate.count(),
            period: limit.rate.period(),
            depth: 0,
        };
        meter.depth = meter.cost(limit.burst.max(1));
        meter
    }

    /// The time in which so many come, rounded up.
    fn cost(&self, count: u64) -> u64 {
        if let Some(product) = count.checked_mul(self.period) {
            return product.div_ceil(self.count);
        }
        let product = u128::from(count) * u128::from(self.period);
        u64::try_from(product.div_ceil(u128::from(self.count))).unwrap_or(u64::MAX)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// When a bucket is full again after `count` were taken from it.
    fn after(&self, full_at: u64, count: u64, now: u64) -> Result<u64, Empty> {
        let cost = self.cost(count);
        if cost > self.depth {
            return Err(Empty::Always);
        }
        let (after, latest) = (
            full_at.max(now).saturating_add(cost),
            now.saturating_add(self.depth),
        );
        if after <= latest {
            Ok(after)
        } else {
            Err(Empty::For(Duration::from_nanos(after - latest)))
        }
    }

    /// Takes `count`, or nothing.
    pub fn take(&self, bucket: &mut Bucket, count: u64, now: Instant) -> Result<(), Empty> {
        bucket.0 = self.after(bucket.0, count, self.nanoseconds(now))?;
        Ok(())
    }

    /// Takes `count`, or nothing, while others may take too.
    #[cfg(any(test, feature = "auth"))]
    pub fn take_shared(
        &self,
        bucket: &SharedBucket,
        count: u64,
        now: Instant,
    ) -> Result<(), Empty> {
        let now = self.nanoseconds(now);
        let after = |full_at| self.after(full_at, count, now).ok();
        let order = Ordering::Relaxed;
        let taken = bucket.0.fetch_update(order, order, after);
        match taken.map_err(|full_at| self.after(full_at, count, now)) {
            Err(Err(empty)) => Err(empty),
            _ => Ok(()),
        }
    }

    /// The time in which an empty bucket becomes full.
    pub fn depth(&self) -> Duration {
        Duration::from_nanos(self.depth)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::Rate;

    fn meter(rate: &str, burst: u64) -> (Meter, Instant) {
        let now = Instant::now();
        let limit = RateLimit::new(
            Rate::parse_bytes(rate, |count| count.parse().ok()).unwrap(),
            burst,
        );
        (Meter::new(limit, now), now)
    }

    #[test]
    fn a_bucket_takes_eight_bytes() {
        assert_eq!(size_of::<Bucket>(), 8);
        assert_eq!(size_of::<SharedBucket>(), 8);
    }

    #[test]
    fn a_burst_is_let_through_at_once_and_then_the_rate() {
        let (meter, start) = meter("5/s", 5);
        let mut bucket = Bucket::default();
        let mut take = |count, now| meter.take(&mut bucket, count, now);
        assert_eq!(take(3, start), Ok(()));
        assert_eq!(take(2, start), Ok(()));
        let wait = Duration::from_millis(200);
        assert_eq!(take(1, start), Err(Empty::For(wait)));
        assert_eq!(take(2, start), Err(Empty::For(2 * wait)));
        assert_eq!(take(1, start + wait), Ok(()));
        assert_eq!(take(1, start + wait), Err(Empty::For(wait)));
        // It never holds more than its burst.
        let later = start + Duration::from_secs(3600);
        assert_eq!(take(6, later), Err(Empty::Always));
        assert_eq!(take(5, later), Ok(()));
        assert_eq!(take(1, later), Err(Empty::For(wait)));
    }

    #[test]
    fn a_shared_bucket_lets_through_the_same() {
        let (meter, start) = meter("20/m", 2);
        let bucket = SharedBucket::default();
        assert_eq!(meter.take_shared(&bucket, 1, start), Ok(()));
        assert_eq!(meter.take_shared(&bucket, 1, start), Ok(()));
        let wait = Duration::from_secs(3);
        assert_eq!(meter.take_shared(&bucket, 1, start), Err(Empty::For(wait)));
        assert_eq!(meter.take_shared(&bucket, 3, start), Err(Empty::Always));
        assert_eq!(meter.take_shared(&bucket, 1, start + wait), Ok(()));
    }

    #[test]
    fn of_a_shared_bucket_several_threads_together_get_no_more_than_the_burst() {
        let (meter, start) = meter("1/h", 1000);
        let bucket = SharedBucket::default();
        let take = || {
            let taken = (0..500).map(|_| meter.take_shared(&bucket, 1, start));
            taken.flatten().count()
        };
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 1000);
    }

    proptest! {
        #[test]
        fn it_never_lets_through_more_than_burst_and_rate_allow(
            count in 1_u64..2_000_000_000,
            unit in prop::sample::select(vec!["s", "m", "h"]),
            burst in 1_u64..10_000_000,
            steps in prop::collection::vec((0_u64..3_000_000_000, 1_u64..5_000_000), 1..200),
        ) {
            let (meter, start) = meter(&format!("{count}/{unit}"), burst);
            let mut bucket = Bucket::default();
            let (mut taken, mut at) = (0_u128, 0_u64);
            for (pause, asked) in steps {
                at += pause;
                let now = start + Duration::from_nanos(at);
                if meter.take(&mut bucket, asked, now).is_ok() {
                    taken += u128::from(asked);
                }
                // The depth is rounded up to a nanosecond, in which this much comes.
                let rounding = u128::from(count).div_ceil(u128::from(meter.period));
                let came = (u128::from(at) * u128::from(count)).div_ceil(u128::from(meter.period));
                prop_assert!(taken <= u128::from(burst) + came + rounding);
            }
        }

        #[test]
        fn what_it_says_about_the_wait_is_true(burst in 1_u64..1000, asked in 1_u64..1000) {
            let (meter, start) = meter("7/s", burst);
            let mut bucket = Bucket::default();
            prop_assert!(meter.take(&mut bucket, burst, start).is_ok());
            match meter.take(&mut bucket, asked, start) {
                Err(Empty::For(wait)) => {
                    prop_assert!(asked <= burst);
                    let early = start + wait.saturating_sub(Duration::from_nanos(1));
                    prop_assert!(meter.take(&mut bucket, asked, early).is_err());
                    prop_assert!(meter.take(&mut bucket, asked, start + wait).is_ok());
                }
                Err(Empty::Always) => prop_assert!(asked > burst),
                Ok(()) => prop_assert!(false),
            }
        }
    }
}
