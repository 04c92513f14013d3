//! The latency of each connection, in 40 bytes.

use crate::result::run_result::WorstConnection;

const BUCKETS: usize = 16;
/// Upper bound of the first bucket. Each bucket's bound is twice that of the one before.
const FIRST_US: u64 = 256;
/// Number of connections that the result names.
const WORST: usize = 10;

/// A histogram of the delivery latencies of one connection, with buckets of powers of two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionLatency {
    /// If one is full, all are halved, which keeps their proportions.
    buckets: [u16; BUCKETS],
    received: u32,
    max_us: u32,
}

impl ConnectionLatency {
    /// Records a delivery.
    pub(crate) fn record_ns(&mut self, ns: u64) {
        let us = ns.div_ceil(1000);
        let bucket = us
            .div_ceil(FIRST_US)
            .max(1)
            .next_power_of_two()
            .trailing_zeros() as usize;
        let bucket = bucket.min(BUCKETS - 1);
        if self.buckets[bucket] == u16::MAX {
            for count in &mut self.buckets {
                *count = count.div_ceil(2);
            }
        }
        self.buckets[bucket] += 1;
        self.received = self.received.saturating_add(1);
        self.max_us = self.max_us.max(u32::try_from(us).unwrap_or(u32::MAX));
    }

    /// The 99th percentile: the upper bound of its bucket, but not more than the maximum.
    fn p99_us(&self) -> u64 {
        let all: u64 = self.buckets.iter().map(|&count| u64::from(count)).sum();
        let rank = (all * 99).div_ceil(100);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|&count| {
            below += u64::from(count);
            below >= rank
        });
        let max = u64::from(self.max_us);
        match bucket {
            Some(bucket) if bucket + 1 < BUCKETS => (FIRST_US << bucket).min(max),
            _ => max,
        }
    }
}

/// The connections with the highest latencies, worst first.
pub(crate) fn worst(
    connection_latencies: impl Iterator<Item = (u32, ConnectionLatency)>,
) -> Vec<WorstConnection> {
    let all = connection_latencies
        .filter(|(_, service)| service.received > 0)
        .map(|(conn, service)| WorstConnection {
            conn,
            received: u64::from(service.received),
            p99_ms: service.p99_us() as f64 / 1000.0,
            max_ms: f64::from(service.max_us) / 1000.0,
        })
        .collect();
    rank(all)
}

/// Merges the worst connections of several workers.
pub(crate) fn rank(mut all: Vec<WorstConnection>) -> Vec<WorstConnection> {
    all.sort_by(|a, b| {
        let worse = b.p99_ms.total_cmp(&a.p99_ms);
        worse
            .then(b.max_ms.total_cmp(&a.max_ms))
            .then(a.conn.cmp(&b.conn))
    });
    all.truncate(WORST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn served(latencies_ns: impl IntoIterator<Item = u64>) -> ConnectionLatency {
        let mut service = ConnectionLatency::default();
        for ns in latencies_ns {
            service.record_ns(ns);
        }
        service
    }

    #[test]
    fn rounds_p99_up_to_a_power_of_two_and_knows_the_maximum_exactly() {
        let service = served((0..1000).map(|n| if n < 985 { MS } else { 9 * MS }));
        assert_eq!((service.p99_us(), service.max_us), (9_000, 9_000));
        let service = served((0..1000).map(|n| if n < 995 { MS } else { 9 * MS }));
        assert_eq!((service.p99_us(), service.max_us), (1_024, 9_000));
        assert_eq!(served([1]).p99_us(), 1);
        assert_eq!(served([256_000]).p99_us(), 256);
        assert_eq!(served([u64::MAX]).max_us, u32::MAX);
    }

    #[test]
    fn keeps_proportions_when_a_bucket_is_full() {
        let service = served((0..300_000).map(|n| if n % 20 == 0 { 9 * MS } else { MS }));
        assert_eq!(service.received, 300_000);
        assert_eq!(service.p99_us(), 9_000);
    }

    #[test]
    fn names_the_ten_worst_of_all_workers() {
        let first = worst((0..50).map(|n| (n, served([u64::from(n) * MS]))));
        let second = worst(
            (50..60)
                .map(|n| (n, served([u64::from(n) * MS])))
                .chain([(99, ConnectionLatency::default())]),
        );
        let all = rank(first.into_iter().chain(second).collect());
        let conns: Vec<u32> = all.iter().map(|w| w.conn).collect();
        assert_eq!(conns, [59, 58, 57, 56, 55, 54, 53, 52, 51, 50]);
    }

    #[test]
    fn is_small() {
        assert!(size_of::<ConnectionLatency>() <= 40);
    }
}
