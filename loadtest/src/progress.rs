//! The sums of a run so far, and one line about it every second.

use crate::latency::Latency;
use crate::process::cpu_time;
use crate::result::Row;
use crate::run_state::{Phase, RunState};
use crate::sampler::Sampler;
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
    /// One a second.
    pub(crate) rows: Vec<Row>,
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
    cpu: Duration,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            received: 0,
            accepted: 0,
            cpu: cpu_time(),
        }
    }

    /// Prints a line and enters a row if a second has passed since the last ones.
    pub(crate) fn tick(&mut self, state: &RunState, totals: &mut Totals, sampler: &mut Sampler) {
        if *state.phase.borrow() == Phase::Connect {
            sampler.ramp(state.open.load(SeqCst));
        }
        let since = self.last.elapsed();
        if since < Duration::from_secs(1) {
            return;
        }
        self.last = Instant::now();
        self.row(state, totals, sampler, since);
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
        let row = totals.rows.last();
        let per_second = |count: Option<u64>| {
            grouped((count.unwrap_or(0) as f64 / since.as_secs_f64()).round() as u64)
        };
        let received = per_second(row.map(|row| row.received));
        let published = per_second(row.map(|row| row.published));
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

impl Progress {
    fn row(
        &mut self,
        state: &RunState,
        totals: &mut Totals,
        sampler: &mut Sampler,
        since: Duration,
    ) {
        let (worker, publisher) = (&totals.worker, &totals.publisher);
        let steady = *state.phase.borrow() == Phase::Publish;
        let server = sampler.second(steady);
        let cpu = cpu_time();
        let some = totals.recent.count() > 0;
        let quantile = |q| some.then(|| totals.recent.quantile(q) as f64 / 1000.0);
        let row = Row {
            at_s: state.clock.now_ns() as f64 / 1e9,
            open: u64::from(state.open.load(SeqCst)),
            published: publisher.accepted - self.accepted,
            received: worker.received - self.received,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            server_cpu: server.map(|(_, cpu)| cpu),
            server_rss_kib: server.map(|(sample, _)| sample.rss_kib),
            server_fds: server.map(|(sample, _)| sample.fds),
            tester_cpu: cpu.saturating_sub(self.cpu).as_secs_f64() / since.as_secs_f64(),
        };
        (self.received, self.accepted, self.cpu) = (worker.received, publisher.accepted, cpu);
        totals.rows.push(row);
    }
}

/// A terminal that is gone must not end the run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
