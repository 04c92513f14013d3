//! The conductor's record of a run.

use crate::result::run_result::{Mark, Span};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Why a run ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutShort {
    /// By a signal or a key.
    Interrupted,
    /// By the time limit of the run.
    OutOfTime,
}

impl Display for CutShort {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "interrupted",
            Self::OutOfTime => "time limit reached",
        })
    }
}

/// What the conductor records about a run, beside the totals.
#[derive(Debug, Default)]
pub(crate) struct RunRecord {
    pub(crate) started_unix_ms: u64,
    /// Phases that have ended, in order.
    pub(crate) phases: Vec<Span>,
    pub(crate) marks: Vec<Mark>,
    /// Cores used by the tester while publishing and draining, on average.
    pub(crate) cores: f64,
    /// Cores used by each worker in that time, on average.
    pub(crate) worker_cores: f64,
    /// Why the run ended early, if it did.
    pub(crate) cut_short: Option<CutShort>,
    /// Highest number of ready sockets at a time.
    pub(crate) peak: u32,
    /// By stage: number of ready sockets at its end. `None` if it was too short to see.
    pub(crate) open_after: Vec<Option<u32>>,
    /// Number of publications on the schedule, as it was at the end.
    pub(crate) planned: u64,
    /// Lowest and highest rate in publications per second. They differ if it was changed with keys.
    pub(crate) rates: (f64, f64),
    /// Why threads had to stop. The figures are incomplete then.
    pub(crate) thread_errors: Vec<String>,
    /// Whether the tester kept every socket open.
    pub(crate) steady: bool,
    /// Whether every socket was expected to receive every publication.
    pub(crate) expects_all: bool,
    /// Slow consumers that the server evicted, by its own count. `None` if it does not count them.
    pub(crate) evictions: Option<u64>,
}

impl RunRecord {
    /// Duration of a phase.
    pub(crate) fn phase(&self, name: &str) -> Duration {
        self.phases
            .iter()
            .find(|span| span.name == name)
            .map_or(Duration::ZERO, |span| {
                Duration::from_secs_f64((span.to_s - span.from_s).max(0.0))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_how_long_a_phase_took() {
        let span = |name: &str, from_s, to_s| Span {
            name: name.to_owned(),
            from_s,
            to_s,
        };
        let record = RunRecord {
            phases: vec![
                span("connect", 0.5, 2.0),
                span("publish", 2.0, 9.0),
                span("drain", 9.0, 8.0),
            ],
            ..RunRecord::default()
        };
        let tenths = ["connect", "publish", "drain", "close"]
            .map(|name| (record.phase(name).as_secs_f64() * 10.0).round() as u64);
        // A clock that seems to go back, and a phase that never was, take no time.
        assert_eq!(tenths, [15, 70, 0, 0]);
    }

    #[test]
    fn says_why_a_run_ended_early() {
        let reasons = [CutShort::Interrupted, CutShort::OutOfTime].map(|reason| reason.to_string());
        assert_eq!(reasons, ["interrupted", "time limit reached"]);
    }
}
