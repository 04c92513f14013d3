//! Confidence intervals of quantiles.

use crate::report::hdr::decode;
use crate::result::run_result::RunResult;

/// A confidence interval, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    least: u64,
    most: u64,
}

/// Standard deviations to each side, for 95 %.
const Z: f64 = 1.96;

impl Interval {
    /// The 95 % confidence interval of a quantile, from the ranks around it (binomial). `None` without a histogram.
    ///
    /// The deliveries of one publication are late together, so each publication counts as one sample.
    pub(super) fn of(result: &RunResult, name: &str, quantile: f64) -> Option<Self> {
        let histogram = decode(name, result.histograms.get(name)?).ok()?;
        let published: u64 = result.timeseries.iter().map(|row| row.published).sum();
        let of_publications = ["delivery", "transit", "fanout"]
            .iter()
            .any(|part| name.split('.').any(|word| word == *part));
        let samples = if of_publications && published > 0 {
            histogram.len().min(published)
        } else {
            histogram.len()
        };
        let spread = Z * (quantile * (1.0 - quantile) / samples.max(1) as f64).sqrt();
        // With fewer than about ten samples beyond the quantile, its upper end may be anywhere up to the maximum.
        Some(Self {
            least: histogram.value_at_quantile((quantile - spread).max(0.0)),
            most: histogram.value_at_quantile((quantile + spread).min(1.0)),
        })
    }

    /// Whether the intervals have a value in common.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn is_wider_with_fewer_publications() {
        let many = sample::passed();
        let mut few = sample::passed();
        few.timeseries.iter_mut().for_each(|row| row.published = 1);
        let width = |result: &RunResult| {
            let interval = Interval::of(result, "delivery", 0.99).expect("measured");
            interval.most - interval.least
        };
        assert!(
            width(&few) > width(&many),
            "{} {}",
            width(&few),
            width(&many)
        );
    }

    #[test]
    fn overlaps_when_one_value_is_in_both() {
        let interval = |least, most| Interval { least, most };
        assert!(interval(1, 5).overlaps(interval(5, 9)));
        assert!(!interval(1, 4).overlaps(interval(5, 9)));
        assert_eq!(Interval::of(&sample::bare(), "delivery", 0.5), None);
    }
}
