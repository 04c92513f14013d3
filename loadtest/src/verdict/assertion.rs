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
    fn takes_each_figure_of_a_distribution() {
        let delivery = Distribution {
            unit: Unit::Milliseconds,
            count: 1,
            p50: 2.0,
            p90: 3.0,
            p99: 4.0,
            p999: 5.0,
            p9999: 6.0,
            max: 7.0,
            mean: 8.0,
        };
        let metrics = BTreeMap::from([("delivery".to_owned(), Metric::Distribution(delivery))]);
        for (figure, unit, value) in [
            ("count", Unit::Count, 1.0),
            ("p50", Unit::Milliseconds, 2.0),
            ("p90", Unit::Milliseconds, 3.0),
            ("p99", Unit::Milliseconds, 4.0),
            ("p999", Unit::Milliseconds, 5.0),
            ("p99.9", Unit::Milliseconds, 5.0),
            ("p9999", Unit::Milliseconds, 6.0),
            ("max", Unit::Milliseconds, 7.0),
            ("mean", Unit::Milliseconds, 8.0),
        ] {
            let found = super::figure(&metrics, &format!("delivery.{figure}"));
            assert_eq!(found, Some((unit, value)), "{figure}");
        }
        // An assertion that names another figure would be refused before the run.
        assert_eq!(known_metrics::FIGURES.len(), 9);
        assert_eq!(super::figure(&metrics, "delivery.p98"), None);
        assert_eq!(super::figure(&metrics, "transit.p99"), None);
    }

    #[test]
    fn knows_each_unit() {
        for (text, unit, limit) in [
            ("", None, 3.0),
            ("x", Some(Unit::Ratio), 3.0),
            ("us", Some(Unit::Milliseconds), 0.003),
            ("ms", Some(Unit::Milliseconds), 3.0),
            ("s", Some(Unit::Milliseconds), 3000.0),
            ("KiB", Some(Unit::Kibibytes), 3.0),
            ("MiB", Some(Unit::Kibibytes), 3072.0),
            ("KiB/h", Some(Unit::KibibytesPerHour), 3.0),
            ("MiB/h", Some(Unit::KibibytesPerHour), 3072.0),
            ("%", Some(Unit::Percent), 3.0),
        ] {
            let assertion: Assertion = format!("dups<3{text}").parse().expect(text);
            assert_eq!((assertion.unit, assertion.limit), (unit, limit), "{text}");
        }
        let negative: Assertion = "server.rss_slope>-1.5KiB/h".parse().expect("a number");
        assert!((negative.limit + 1.5).abs() < 1e-9);
    }

    #[test]
    fn compares_with_each_operator() {
        for (operator, below, equal, above) in [
            ("==", false, true, false),
            ("!=", true, false, true),
            ("<", true, false, false),
            ("<=", true, true, false),
            (">", false, false, true),
            (">=", false, true, true),
        ] {
            let outcomes = [2, 3, 4].map(|limit| {
                let expr = format!("loss.silent {operator} {limit}");
                let assertion: Assertion = expr.parse().expect("valid");
                assert_eq!(assertion.expr(), expr.replace(' ', ""));
                assertion.judge(&metrics()).ok
            });
            // The metric is 3, so the limits are below it, equal to it and above it.
            assert_eq!(outcomes, [above, equal, below], "{operator}");
        }
    }

    #[test]
    fn shows_what_was_measured() {
        for (expr, actual) in [
            ("loss.silent==0", "3"),
            ("delivery.p99<1ms", "11.4ms"),
            ("storm.t99<1s", "2.50s"),
            ("delivery.p99<1KiB", "11.4ms (different unit)"),
            ("churn.stuck==0", "not measured"),
            ("publish.ack.p99<1s", "not measured"),
        ] {
            let judged = expr.parse::<Assertion>().expect(expr).judge(&metrics());
            assert_eq!(
                (judged.ok, judged.actual.as_str()),
                (false, actual),
                "{expr}"
            );
            assert_eq!(judged.expr, expr);
        }
    }

    #[test]
    fn knows_what_depends_on_the_machine() {
        for (expr, is_about_time) in [
            ("delivery.p99<1s", true),
            ("storm.t99<1s", true),
            ("slow.isolation<2x", true),
            ("delivery.count>0", false),
            ("loss.silent==0", false),
        ] {
            let assertion: Assertion = expr.parse().expect(expr);
            assert_eq!(assertion.is_about_time(), is_about_time, "{expr}");
            assert_eq!(
                Some(assertion.subject()),
                expr.split(['<', '>', '=']).next()
            );
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
