//! Which way a metric is better, and how small a difference does not count.

use crate::result::Unit;

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

/// Counts that are better when there are more, by name or by the part before the first dot.
const HIGHER: [&str; 8] = [
    "conns",
    "delivered",
    "received",
    "published",
    "recovered",
    "throughput",
    "deliveries",
    "max_rate",
];
/// Counts that are better when there are fewer.
const LOWER: [&str; 16] = [
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
    "mismatches",
    "missed",
    "leaks",
    "unsent",
    "silent",
    "evicted_healthy",
];

/// Judges by name first, because a count says nothing by its unit, then by unit.
pub(super) fn of(name: &str, unit: Unit) -> Direction {
    let words = || name.split(['.', '_']).chain(name.split('.'));
    if words().any(|word| LOWER.contains(&word)) {
        return Direction::Lower;
    }
    // The tester's own processor time and lag say nothing about the server.
    if name.starts_with("tester.") || name.starts_with("gen.") {
        return Direction::Neither;
    }
    if words().any(|word| HIGHER.contains(&word)) {
        return Direction::Higher;
    }
    match unit {
        Unit::Milliseconds
        | Unit::Seconds
        | Unit::Kibibytes
        | Unit::KibibytesPerHour
        | Unit::Cores => Direction::Lower,
        Unit::PerSecond => Direction::Higher,
        Unit::Count | Unit::Percent | Unit::Ratio => Direction::Neither,
    }
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
            ("gen.lag.p99", Unit::Milliseconds, Direction::Neither),
            ("channels", Unit::Count, Direction::Neither),
        ] {
            assert_eq!(of(name, unit), direction, "{name}");
        }
    }
}
