//! Latency histograms: 1 µs to 120 s with three significant digits.

use crate::result::metric::{self, Distribution, Unit};
use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};

const HIGHEST_US: u64 = 120_000_000;

/// An `HdrHistogram` of microseconds (about 150 KB). Values above 120 s count as 120 s.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("constant bounds are valid"))
    }
}

impl Latency {
    /// Records a value, rounded up to whole microseconds.
    pub(crate) fn record_ns(&mut self, ns: u64) {
        self.0.saturating_record(ns.div_ceil(1000).max(1));
    }

    /// Adds all values of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        // A worker that received nothing reports an empty histogram, and adding its 18,000 slots takes time.
        if !other.0.is_empty() {
            self.0.add(&other.0).expect("both have the same bounds");
        }
    }

    /// Number of values.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value at a quantile (0 to 1), in microseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// The highest value, in microseconds.
    pub(crate) fn max(&self) -> u64 {
        self.0.max()
    }

    /// The number of values per bin, in ascending order and without empty bins. Bin `i` starts at 64 µs × 2^(i/2), except
    /// for bin 0, which starts at 0.
    pub(crate) fn bins(&self) -> Vec<(u8, u64)> {
        let mut bins: Vec<(u8, u64)> = Vec::new();
        for step in self.0.iter_recorded() {
            let steps = 2.0 * (step.value_iterated_to() as f64 / 64.0).log2();
            let bin = steps.max(0.0) as u8;
            match bins.last_mut() {
                Some((last, count)) if *last == bin => *count += step.count_at_value(),
                _ => bins.push((bin, step.count_at_value())),
            }
        }
        bins
    }

    /// The usual quantiles, in milliseconds.
    pub(crate) fn distribution(&self) -> Distribution {
        let ms = |us: u64| us as f64 / 1000.0;
        if self.0.is_empty() {
            return Distribution {
                unit: Unit::Milliseconds,
                ..Distribution::default()
            };
        }
        Distribution {
            unit: Unit::Milliseconds,
            count: self.count(),
            p50: ms(self.quantile(0.5)),
            p90: ms(self.quantile(0.9)),
            p99: ms(self.quantile(0.99)),
            p999: ms(self.quantile(0.999)),
            p9999: ms(self.quantile(0.9999)),
            max: ms(self.max()),
            mean: self.0.mean() / 1000.0,
        }
    }

    /// The full histogram, in the encoding that other programs read.
    pub(crate) fn export(&self) -> metric::Histogram {
        let mut bytes = Vec::new();
        V2Serializer::new()
            .serialize(&self.0, &mut bytes)
            .expect("writing to a Vec cannot fail");
        metric::Histogram {
            unit: "us".to_owned(),
            hdr_v2_base64: STANDARD.encode(bytes),
        }
    }

    /// Removes all values.
    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_values_into_bins_of_half_a_doubling() {
        let mut values = Latency::default();
        for us in [1, 63, 64, 90, 91, 127, 129, 1_100, 1_101, 120_000_000] {
            values.record_ns(us * 1000);
        }
        let bins = [(0, 4), (1, 2), (2, 1), (8, 2), (41, 1)];
        assert_eq!(values.bins(), bins);
        assert_eq!(Latency::default().bins(), []);
    }
}
