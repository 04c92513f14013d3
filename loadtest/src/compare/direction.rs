//! Which way a metric is better, and how small a difference does not count.

use crate::result::metric::Unit;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Latency, loss, memory, processor time.
    Lower,
    /// Throughput, connections, deliveries.
    Higher,
    /// Describes the run; shown, never judged.
    Neither,
}

/// Words of names that are better when they are higher.
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
/// Words of names that are better when they are lower.
const LOWER: [&str; 28] = [
    "loss",
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
/// Words of names that say what the run did, not how well.
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
    // How soon a socket is ended is judged by its window; sooner is not better.
    "close",
    "evict",
];
/// Beginnings of names of the tester's own: its processor time and lag say nothing about the server.
const OWN: [&str; 4] = ["tester.", "gen.", "send.lag", "loop.lag"];

/// Judges by name first, because a count says nothing by its unit, then by unit; what neither tells is shown only.
pub(super) fn of(name: &str, unit: Unit) -> Direction {
    known_direction(name, unit).unwrap_or(Direction::Neither)
}

/// `None` when neither name nor unit tells.
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

/// Metrics of a run that neither have a direction nor are known to have none.
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

/// The difference below which two values are the same: what a scheduler or an allocator does by chance.
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
    fn knows_which_way_is_better() {
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
