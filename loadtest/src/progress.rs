//! The sums of a run so far, and one line about it every second.

use crate::latency::Latency;
use crate::run_state::{Phase, RunState};
use crate::tally::{PublisherTally, Report, WorkerTally, total};
use crate::units::{grouped, latency};
use std::io::Write;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// Belongs to the conductor, which feeds it all reports.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) worker: WorkerTally,
    pub(crate) publisher: PublisherTally,
    /// Deliveries since the last line.
    recent: Latency,
}

impl Totals {
    /// Adds a report.
    pub(crate) fn add(&mut self, report: Report) {
        match report {
            Report::Worker(tally) => {
                self.recent.merge(&tally.delivery);
                self.worker.merge(*tally);
            }
            Report::Publisher(tally) => self.publisher.merge(*tally),
        }
    }
}

/// Writes the lines, to standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    last: Instant,
    received: u64,
    accepted: u64,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            received: 0,
            accepted: 0,
        }
    }

    /// Prints a line if a second has passed since the last one.
    pub(crate) fn tick(&mut self, state: &RunState, totals: &mut Totals) {
        let since = self.last.elapsed();
        if since < Duration::from_secs(1) {
            return;
        }
        self.last = Instant::now();
        let seconds = self.start.elapsed().as_secs();
        let clock = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        let open = grouped(u64::from(state.open.load(SeqCst)));
        let all = grouped(u64::from(state.plan.connections));
        let worker = &totals.worker;
        let phase = *state.phase.borrow();
        if phase == Phase::Connect {
            let failed = total(&worker.connect_failed);
            return say(&format!(
                "{clock}  connecting  open {open}/{all}  failed {failed}"
            ));
        }
        let per_second = |count: u64| grouped((count as f64 / since.as_secs_f64()).round() as u64);
        let received = per_second(worker.received - self.received);
        let published = per_second(totals.publisher.accepted - self.accepted);
        self.received = worker.received;
        self.accepted = totals.publisher.accepted;
        let percentiles = if totals.recent.count() == 0 {
            "p50 - p99 -".to_owned()
        } else {
            format!(
                "p50 {} p99 {}",
                latency(totals.recent.quantile(0.5)),
                latency(totals.recent.quantile(0.99))
            )
        };
        totals.recent.clear();
        let failed = total(&totals.publisher.failed);
        say(&format!(
            "{clock}  {}  open {open}/{all}  pub {published}/s failed {failed}  recv {received}/s  {percentiles}  lost {} dup {} reorder {} foreign {}  closed {}",
            if phase == Phase::Publish {
                "publishing"
            } else {
                "draining"
            },
            worker.lost,
            worker.duplicates,
            worker.reorders,
            worker.foreign,
            total(&worker.closed),
        ));
    }
}

/// A terminal that is gone must not end the run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
