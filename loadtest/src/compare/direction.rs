//! Whether lower or higher is better for a metric, and which differences are too small to count.

use crate::result::metric::Unit;

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Lower, such as latency, loss, memory, CPU time.
    Lower,
    /// Higher, such as throughput, connections, deliveries.
    Higher,
    /// Neither: the metric describes the run, and is not judged.
    Neither,
}

/// Words in the names of metrics for which higher is better.
const HIGHER: [&str; 9] = [
    "conns",
    "accepted",
    "delivered",
    "received",
    "published",
    "recovered",
    "throughput",
    "deliveries",
    "max_rate",
];
/// Words in the names of metrics for which lower is better.
const LOWER: [&str; 29] = [
    "loss",
    "excess",
    "dups",
    "duplicates",
    "reorders",
    "foreign",
    "corrupt",
    "malformed",
    "errors",
    "failed",
    "unexpected",
    "mismatch",
    "mismatches",
    "difference",
    "missed",
    "missing",
    "refused",
    "leaks",
    "unsent",
    "uncounted",
    "silent",
    "stuck",
    "survivors",
    "early",
    "late",
    "miscoded",
    "wrong",
    "isolation",
    "evicted_healthy",
];
/// Words in the names of metrics that say what the run did, not how well.
const NEITHER: [&str; 16] = [
    "notices",
    "pings",
    "checked",
    "expected",
    "announcements",
    "in_flight",
    "fds",
    "doomed",
    "closed",
    "coded",
    "made",
    "dropped",
    "returned",
    "channels",
    // How soon a faulty socket is closed is asserted; sooner is not better.
    "close",
    "evict",
];
/// Prefixes of metrics about the tester itself, which say nothing about the server.
const OWN: [&str; 4] = ["tester.", "gen.", "send.lag", "loop.lag"];

/// The direction of a metric: by its name or else its unit. A metric with neither is not judged.
pub(super) fn of(name: &str, unit: Unit) -> Direction {
    known_direction(name, unit).unwrap_or(Direction::Neither)
}

/// The direction by name or unit. The name comes first, because the unit of a count says nothing.
fn known_direction(name: &str, unit: Unit) -> Option<Direction> {
    if OWN.iter().any(|own| name.starts_with(own)) {
        return Some(Direction::Neither);
    }
    let is = |list: &[&str]| {
        let mut words = name.split(['.', '_']).chain(name.split('.'));
        words.any(|word| list.contains(&word))
    };
    if is(&LOWER) {
        return Some(Direction::Lower);
    }
    if is(&NEITHER) {
        return Some(Direction::Neither);
    }
    if is(&HIGHER) {
        return Some(Direction::Higher);
    }
    match unit {
        Unit::Milliseconds
        | Unit::Seconds
        | Unit::Kibibytes
        | Unit::KibibytesPerHour
        | Unit::Cores => Some(Direction::Lower),
        Unit::PerSecond => Some(Direction::Higher),
        Unit::Count | Unit::Percent | Unit::Ratio => None,
    }
}

/// The metrics of a result without a known direction.
#[cfg(test)]
pub(crate) fn without_direction(result: &crate::result::run_result::RunResult) -> Vec<&str> {
    use crate::result::metric::Metric;
    let known_direction = |name: &str, metric: &Metric| match metric {
        Metric::Value { unit, .. } => known_direction(name, *unit).is_some(),
        Metric::Distribution(values) => known_direction(name, values.unit).is_some(),
    };
    let without_direction = result
        .metrics
        .iter()
        .filter(|(name, metric)| !known_direction(name, metric));
    without_direction.map(|(name, _)| name.as_str()).collect()
}

/// Differences up to this are what a scheduler or an allocator causes by chance.
pub(super) fn floor(name: &str, unit: Unit) -> f64 {
    match unit {
        Unit::Milliseconds => 0.5,
        Unit::Seconds => 0.1,
        Unit::Kibibytes if name.ends_with("per_conn") => 0.5,
        Unit::Kibibytes | Unit::KibibytesPerHour => 1024.0,
        Unit::Cores => 0.05,
        Unit::Count | Unit::Percent | Unit::Ratio | Unit::PerSecond => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_direction_is_better() {
        for (name, unit, direction) in [
            ("delivery.p99", Unit::Milliseconds, Direction::Lower),
            ("loss.silent", Unit::Count, Direction::Lower),
            ("connect.errors", Unit::Count, Direction::Lower),
            ("closes.unexpected", Unit::Count, Direction::Lower),
            ("server.kib_per_conn", Unit::Kibibytes, Direction::Lower),
            ("conns.peak", Unit::Count, Direction::Higher),
            ("delivered.rate", Unit::PerSecond, Direction::Higher),
            ("storm.return.p99", Unit::Milliseconds, Direction::Lower),
            ("slow.isolation", Unit::Ratio, Direction::Lower),
            ("subscribers.mismatch", Unit::Count, Direction::Lower),
            ("publish.accepted", Unit::Count, Direction::Higher),
            ("expected", Unit::Count, Direction::Neither),
            ("slow.evict.p99", Unit::Milliseconds, Direction::Neither),
            ("gen.lag.p99", Unit::Milliseconds, Direction::Neither),
            ("send.lag.p99", Unit::Milliseconds, Direction::Neither),
            ("channels", Unit::Count, Direction::Neither),
        ] {
            assert_eq!(of(name, unit), direction, "{name}");
        }
    }
}
