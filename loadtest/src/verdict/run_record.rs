//! What only the conductor knows of a run.

use crate::result::run_result::{Mark, Span};
use std::time::Duration;

/// What only the conductor knows.
#[derive(Debug, Default)]
pub(crate) struct RunRecord {
    pub(crate) started_unix_ms: u64,
    /// Seconds since the start.
    pub(crate) phases: Vec<Span>,
    pub(crate) marks: Vec<Mark>,
    /// Mean cores of this process while publishing and draining.
    pub(crate) cores: f64,
    /// Mean cores of one worker in that time.
    pub(crate) worker_cores: f64,
    /// Why the run ended before its time.
    pub(crate) cut_short: Option<&'static str>,
    pub(crate) peak: u32,
    /// Publications that were due, as the schedule stood at the end.
    pub(crate) planned: u64,
    /// The lowest and the highest rate of publications; they differ when keys have changed it.
    pub(crate) rates: (f64, f64),
    /// Why threads could not go on; the figures are without theirs.
    pub(crate) thread_errors: Vec<String>,
    /// Whether every socket stayed, as far as the tester is concerned.
    pub(crate) steady: bool,
    /// Every socket was owed every publication.
    pub(crate) expects_all: bool,
    /// Slow consumers the server says it has evicted.
    pub(crate) evictions: Option<u64>,
}

impl RunRecord {
    /// How long a phase took.
    pub(crate) fn phase(&self, name: &str) -> Duration {
        self.phases
            .iter()
            .find(|span| span.name == name)
            .map_or(Duration::ZERO, |span| {
                Duration::from_secs_f64((span.to_s - span.from_s).max(0.0))
            })
    }
}
