//! Assertions on metrics: `delivery.p99<250ms`, `loss.silent==0`, `server.kib_per_conn<=20KiB`.

use super::known_metrics;
use crate::result::metric::{Distribution, Metric, Unit};
use crate::result::run_result;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Compares a metric, or one quantile of a distribution, with a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assertion {
    /// The assertion as written, without spaces.
    expr: String,
    /// The metric, with its quantile if it is a distribution: `delivery.p99`, `loss.silent`.
    left: String,
    comparison: Comparison,
    /// In `unit`, or in the unit of the metric if that is `None`.
    limit: f64,
    unit: Option<Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longer operators first, because shorter ones are prefixes of them.
const OPERATORS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl FromStr for Assertion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expr: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let at = expr
            .find(['=', '!', '<', '>'])
            .ok_or_else(|| format!("`{text}` has no comparison (example: delivery.p99<250ms)"))?;
        let (left, rest) = expr.split_at(at);
        let (operator, comparison) = OPERATORS
            .into_iter()
            .find(|(operator, _)| rest.starts_with(operator))
            .ok_or_else(|| format!("`{text}`: the comparison must be ==, !=, <, <=, > or >="))?;
        let right = &rest[operator.len()..];
        let digits = right
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .unwrap_or(right.len());
        let (number, unit) = right.split_at(digits);
        let limit: f64 = number
            .parse()
            .map_err(|_| format!("`{text}`: `{right}` is not a number"))?;
        let (factor, unit) = match unit {
            "" => (1.0, None),
            "x" => (1.0, Some(Unit::Ratio)),
            "us" => (0.001, Some(Unit::Milliseconds)),
            "ms" => (1.0, Some(Unit::Milliseconds)),
            "s" => (1000.0, Some(Unit::Milliseconds)),
            "KiB" => (1.0, Some(Unit::Kibibytes)),
            "MiB" => (1024.0, Some(Unit::Kibibytes)),
            "KiB/h" => (1.0, Some(Unit::KibibytesPerHour)),
            "MiB/h" => (1024.0, Some(Unit::KibibytesPerHour)),
            "%" => (1.0, Some(Unit::Percent)),
            _ => {
                return Err(format!(
                    "`{text}`: unknown unit `{unit}` (known: us, ms, s, KiB, MiB, KiB/h, MiB/h, %, x)"
                ));
            }
        };
        if left.is_empty() {
            return Err(format!("`{text}` does not name a metric"));
        }
        known_metrics::check(left)?;
        Ok(Self {
            left: left.to_owned(),
            comparison,
            limit: limit * factor,
            unit,
            expr,
        })
    }
}

impl Assertion {
    /// The assertion as written, without spaces.
    pub(crate) fn expr(&self) -> &str {
        &self.expr
    }

    /// The metric, with its quantile if it is a distribution.
    pub(crate) fn subject(&self) -> &str {
        &self.left
    }

    /// Whether it is about a time, which depends on what else the machine is doing.
    pub(crate) fn is_about_time(&self) -> bool {
        [".p99", ".t99", ".isolation"]
            .iter()
            .any(|figure| self.left.ends_with(figure))
    }

    /// Evaluates the assertion. It fails if the metric was not measured, or is a distribution without samples.
    pub(crate) fn judge(&self, metrics: &BTreeMap<String, Metric>) -> run_result::AssertionResult {
        let (ok, actual) = match figure(metrics, &self.left) {
            None => (false, "not measured".to_owned()),
            Some((unit, value)) => {
                let limit = match (self.unit, unit) {
                    (None, _) => Some(self.limit),
                    (Some(Unit::Milliseconds), Unit::Seconds) => Some(self.limit / 1000.0),
                    (Some(own), unit) => (own == unit).then_some(self.limit),
                };
                match limit {
                    None => (false, format!("{} (different unit)", unit.format(value))),
                    Some(limit) => (self.holds(value, limit), unit.format(value)),
                }
            }
        };
        run_result::AssertionResult {
            expr: self.expr.clone(),
            ok,
            actual,
        }
    }

    fn holds(&self, value: f64, limit: f64) -> bool {
        match self.comparison {
            Comparison::Equal => (value - limit).abs() < 1e-9,
            Comparison::Unequal => (value - limit).abs() >= 1e-9,
            Comparison::Less => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::More => value > limit,
            Comparison::AtLeast => value >= limit,
        }
    }
}

/// The number that `name` refers to: a value, or a quantile of a distribution.
fn figure(metrics: &BTreeMap<String, Metric>, name: &str) -> Option<(Unit, f64)> {
    if let Some(Metric::Value { unit, value }) = metrics.get(name) {
        return Some((*unit, *value));
    }
    let (metric, stat) = match name.strip_suffix(".p99.9") {
        Some(metric) => (metric, "p999"),
        None => name.rsplit_once('.')?,
    };
    let Some(Metric::Distribution(values)) = metrics.get(metric) else {
        return None;
    };
    quantile_of(values, stat)
}

fn quantile_of(values: &Distribution, stat: &str) -> Option<(Unit, f64)> {
    let value = match stat {
        "count" => return Some((Unit::Count, values.count as f64)),
        _ if values.count == 0 => return None,
        "p50" => values.p50,
        "p90" => values.p90,
        "p99" => values.p99,
        "p999" => values.p999,
        "p9999" => values.p9999,
        "max" => values.max,
        "mean" => values.mean,
        _ => return None,
    };
    Some((values.unit, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> BTreeMap<String, Metric> {
        let delivery = Distribution {
            unit: Unit::Milliseconds,
            count: 10,
            p99: 11.4,
            p999: 30.0,
            ..Distribution::default()
        };
        let value = |unit, value| Metric::Value { unit, value };
        BTreeMap::from([
            ("delivery".to_owned(), Metric::Distribution(delivery)),
            (
                "publish.ack".to_owned(),
                Metric::Distribution(Distribution::default()),
            ),
            ("loss.silent".to_owned(), value(Unit::Count, 3.0)),
            ("server.rss".to_owned(), value(Unit::Kibibytes, 2048.0)),
            ("storm.t99".to_owned(), value(Unit::Seconds, 2.5)),
        ])
    }

    #[test]
    fn evaluates_values_and_quantiles() {
        for (expr, ok) in [
            ("delivery.p99 < 250ms", true),
            ("delivery.p99<=0.0114s", true),
            ("delivery.p99>11", true),
            ("delivery.p99<11ms", false),
            ("delivery.count==10", true),
            ("delivery.p99<11.4ms", false),
            ("delivery.p99<=11.4ms", true),
            ("delivery.p99>11.4", false),
            ("delivery.p99>=11.4", true),
            ("delivery.p99==11", false),
            ("delivery.p999==30ms", true),
            ("delivery.p99.9==30ms", true),
            ("publish.ack.count==0", true),
            ("server.rss<=2MiB", true),
            ("server.rss<2048KiB", false),
            ("loss.silent==2", false),
            ("loss.silent==0", false),
            ("loss.silent!=0", true),
            ("storm.t99<3s", true),
            ("storm.t99>=2600ms", false),
            ("delivery.p99<11KiB", false),
            ("publish.ack.p99<1s", false),
            ("churn.stuck==0", false),
        ] {
            let assertion: Assertion = expr.parse().expect(expr);
            let judged = assertion.judge(&metrics());
            assert_eq!(judged.ok, ok, "{expr}: {judged:?}");
        }
    }

    #[test]
    fn rejects_invalid_assertions() {
        for expr in [
            "",
            "dups",
            "<5",
            "dups=5",
            "dups<x",
            "dups<5parsecs",
            "dups<",
            "dupes<5",
        ] {
            assert!(expr.parse::<Assertion>().is_err(), "{expr}");
        }
    }
}
