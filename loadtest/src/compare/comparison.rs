//! Compares the metrics and assertions of two results.

use super::direction::{self, Direction};
use super::interval::Interval;
use crate::result::metric::{Distribution, Metric, Unit};
use crate::result::run_result::RunResult;

/// How a figure changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// By less than the threshold, or it is not judged.
    Same,
    /// By more than the threshold, but with so few samples that it may be chance.
    Noise,
    /// Better by more than the threshold.
    Better,
    /// Worse by more than the threshold.
    Worse,
}

/// A figure of both results.
#[derive(Debug)]
pub(crate) struct ComparedFigure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) base: f64,
    pub(crate) new: f64,
    pub(crate) change: Change,
}

/// Parses `10%`, `7.5%` or `0.1` into a fraction of 1.
pub(crate) fn parse_percent(text: &str) -> Result<f64, String> {
    let (number, divisor) = text.strip_suffix('%').map_or((text, 1.0), |n| (n, 100.0));
    match number.trim().parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value / divisor),
        _ => Err(format!("`{text}` is not a share (examples: 10%, 0.1)")),
    }
}

/// Compares every metric that both results have. A `max_regress` of 0.1 allows a figure to be 10 % worse.
pub(crate) fn compare(base: &RunResult, new: &RunResult, max_regress: f64) -> Vec<ComparedFigure> {
    let mut lines = Vec::new();
    for (name, old) in &base.metrics {
        match (old, new.metrics.get(name)) {
            (
                &Metric::Value { unit, value },
                Some(&Metric::Value {
                    unit: new_unit,
                    value: new_value,
                }),
            ) if unit == new_unit => lines.push(ComparedFigure {
                name: name.clone(),
                unit,
                base: value,
                new: new_value,
                change: judge(name, unit, value, new_value, max_regress),
            }),
            (Metric::Distribution(old), Some(Metric::Distribution(now)))
                if old.unit == now.unit && old.count > 0 && now.count > 0 =>
            {
                for (suffix, quantile, get) in QUANTILES {
                    let full = format!("{name}.{suffix}");
                    let (old_value, new_value) = (get(old), get(now));
                    let mut change = judge(&full, old.unit, old_value, new_value, max_regress);
                    if matches!(change, Change::Worse | Change::Better)
                        && !differ(base, new, name, quantile)
                    {
                        change = Change::Noise;
                    }
                    lines.push(ComparedFigure {
                        name: full,
                        unit: old.unit,
                        base: old_value,
                        new: new_value,
                        change,
                    });
                }
            }
            _ => {}
        }
    }
    lines
}

/// The quantiles that are compared. The maximum is a single sample, so it is not.
type Quantile = (&'static str, f64, fn(&Distribution) -> f64);
const QUANTILES: [Quantile; 3] = [
    ("p50", 0.5, |d| d.p50),
    ("p99", 0.99, |d| d.p99),
    ("p999", 0.999, |d| d.p999),
];

fn judge(name: &str, unit: Unit, base: f64, new: f64, max_regress: f64) -> Change {
    let worse_by = match direction::of(name, unit) {
        Direction::Lower => new - base,
        Direction::Higher => base - new,
        Direction::Neither => return Change::Same,
    };
    let threshold = (base.abs() * max_regress).max(direction::floor(name, unit));
    if worse_by > threshold {
        Change::Worse
    } else if -worse_by > threshold {
        Change::Better
    } else {
        Change::Same
    }
}

/// Whether the difference of a quantile is more than chance.
fn differ(base: &RunResult, new: &RunResult, name: &str, quantile: f64) -> bool {
    match (
        Interval::of(base, name, quantile),
        Interval::of(new, name, quantile),
    ) {
        (Some(base), Some(new)) => !base.overlaps(new),
        _ => false,
    }
}

/// The assertions that fail in `new`, but did not fail in `base`.
pub(crate) fn newly_failed(base: &RunResult, new: &RunResult) -> Vec<String> {
    new.assertions
        .iter()
        .filter(|now| !now.ok)
        .filter(|now| {
            let before = base.assertions.iter().find(|old| old.expr == now.expr);
            before.is_none_or(|old| old.ok)
        })
        .map(|now| format!("{} (got {})", now.expr, now.actual))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn worse(base: &RunResult, new: &RunResult) -> Vec<String> {
        compare(base, new, 0.1)
            .into_iter()
            .filter(|line| line.change == Change::Worse)
            .map(|line| line.name)
            .collect()
    }

    fn set(result: &mut RunResult, name: &str, unit: Unit, value: f64) {
        result
            .metrics
            .insert(name.to_owned(), Metric::Value { unit, value });
    }

    #[test]
    fn finds_nothing_between_equal_runs() {
        assert!(worse(&sample::passed(), &sample::passed()).is_empty());
    }

    #[test]
    fn knows_which_direction_is_worse() {
        let base = sample::passed();
        let mut new = sample::passed();
        set(&mut new, "delivered.rate", Unit::PerSecond, 8000.0);
        set(&mut new, "server.kib_per_conn", Unit::Kibibytes, 10.0);
        assert_eq!(worse(&base, &new), ["delivered.rate"]);
        assert_eq!(worse(&new, &base), ["server.kib_per_conn"]);
    }

    #[test]
    fn calls_a_single_loss_a_regression_at_any_threshold() {
        let lines = compare(&sample::passed(), &sample::failed(), 5.0);
        assert!(
            lines
                .iter()
                .any(|l| l.name == "loss.silent" && l.change == Change::Worse)
        );
        assert_eq!(newly_failed(&sample::passed(), &sample::failed()).len(), 1);
        assert!(newly_failed(&sample::failed(), &sample::failed()).is_empty());
    }

    #[test]
    fn finds_a_slower_run_by_its_quantiles() {
        let base = sample::passed();
        let mut new = sample::passed();
        sample::add_distribution(&mut new, "delivery", 200);
        assert!(worse(&base, &new).contains(&"delivery.p50".to_owned()));
    }

    #[test]
    fn calls_a_quantile_of_few_publications_noise() {
        let (mut base, mut new) = (sample::passed(), sample::passed());
        sample::add_distribution(&mut new, "delivery", 150);
        for result in [&mut base, &mut new] {
            for row in &mut result.timeseries {
                row.published = 1;
            }
        }
        let lines = compare(&base, &new, 0.1);
        let p999 = lines
            .iter()
            .find(|l| l.name == "delivery.p999")
            .expect("compared");
        assert_eq!(p999.change, Change::Noise);
    }

    #[test]
    fn parses_shares() {
        assert_eq!(parse_percent("10%"), Ok(0.1));
        assert_eq!(parse_percent("0.25"), Ok(0.25));
        assert!(parse_percent("-1%").is_err());
    }
}
