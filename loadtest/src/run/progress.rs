//! The progress of a run: a row of the time series per second, and what is shown meanwhile.

use super::display::Display;
use super::incidents::Incidents;
use super::metrics_server::MetricsServer;
use super::progress_lines::ProgressLines;
use crate::base::units::{grouped, latency};
use crate::books::classes::total;
use crate::books::totals::Totals;
use crate::dashboard::snapshot::{Figures, MAX_NOTES, MAX_ROWS, Snapshot};
use crate::measure::latency::Latency;
use crate::measure::process::{cpu_time, thread_cpu};
use crate::measure::sampler::Sampler;
use crate::plan::phase::Phase;
use crate::result::run_result::{Mark, Row, Tester};
use crate::sockets::run_state::RunState;
use crate::verdict::self_check;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// Time between two rows.
const ROW_EVERY: Duration = Duration::from_secs(1);
/// Time between two snapshots for the dashboard.
const SHOW_EVERY: Duration = Duration::from_millis(250);
/// Number of seconds in the `last 10 s` column.
const WINDOW: usize = 10;

/// Follows a run and shows it.
#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    lines: ProgressLines,
    start: Instant,
    last_row: Instant,
    last_show: Instant,
    received: u64,
    accepted: u64,
    cpu: Duration,
    /// Delivery latencies of each of the last seconds.
    window: VecDeque<Latency>,
    /// When publishing began, and the CPU time of the workers at that time.
    busy: Option<(Instant, Duration)>,
    taint: Vec<String>,
    incidents: Incidents,
    server_pid: Option<u32>,
    metrics: Option<MetricsServer>,
}

impl Progress {
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(
        display: Display,
        server_pid: Option<u32>,
        metrics: Option<MetricsServer>,
    ) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            display,
            lines: ProgressLines::start()?,
            start: now,
            last_row: now,
            last_show: now,
            received: 0,
            accepted: 0,
            cpu: cpu_time(),
            window: VecDeque::new(),
            busy: None,
            taint: Vec::new(),
            incidents: Incidents::new(),
            server_pid,
            metrics,
        })
    }

    /// Marks what has happened since the last row, prints the last lines and restores the terminal.
    pub(crate) fn end(&mut self, state: &RunState, totals: &Totals, marks: &mut Vec<Mark>) {
        let at_s = state.clock.now_ns() as f64 / 1e9;
        self.incidents.observe(at_s, totals, &self.taint, marks);
        marks.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        self.lines.end();
        self.display = Display::Lines;
    }

    /// Adds a row and shows a snapshot, each if it is due.
    pub(crate) fn tick(
        &mut self,
        state: &RunState,
        totals: &mut Totals,
        sampler: &mut Sampler,
        marks: &mut Vec<Mark>,
    ) {
        let phase = *state.phase.borrow();
        if phase == Phase::Connect {
            sampler.ramp(state.open.load(SeqCst));
        } else {
            self.busy
                .get_or_insert_with(|| (Instant::now(), thread_cpu("worker-")));
        }
        let since = self.last_row.elapsed();
        if since >= ROW_EVERY {
            self.last_row = Instant::now();
            self.row(state, totals, sampler, since);
            self.check_self(state, totals);
            if let Some(metrics) = &self.metrics {
                metrics.show(state, totals);
            }
            let at_s = totals.rows.last().map_or(0.0, |row| row.at_s);
            self.incidents.observe(at_s, totals, &self.taint, marks);
            if matches!(self.display, Display::Lines) {
                let line = line(state, totals, self.start.elapsed(), since);
                self.lines.show(line);
            }
            self.push_to_window(&totals.recent);
            totals.recent.clear();
        }
        if self.last_show.elapsed() >= SHOW_EVERY {
            self.show(state, totals, marks);
        }
    }

    /// Shows a snapshot now.
    pub(crate) fn show(&mut self, state: &RunState, totals: &Totals, marks: &[Mark]) {
        self.last_show = Instant::now();
        let mut display = std::mem::replace(&mut self.display, Display::Lines);
        display.show(|| self.snapshot(state, totals, marks));
        self.display = display;
    }

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
            latency_bins: totals.recent.bins(),
            server_cpu: server.map(|(_, cpu)| cpu),
            server_rss_kib: server.map(|(sample, _)| sample.rss_kib),
            server_fds: server.map(|(sample, _)| sample.fds),
            tester_cpu: cpu.saturating_sub(self.cpu).as_secs_f64() / since.as_secs_f64(),
        };
        (self.received, self.accepted, self.cpu) = (worker.received, publisher.accepted, cpu);
        totals.rows.push(row);
    }

    /// Checks whether the tester has kept up so far.
    fn check_self(&mut self, state: &RunState, totals: &Totals) {
        let Some((since, cpu)) = self.busy else {
            return;
        };
        let wall = since.elapsed().as_secs_f64().max(0.001) * f64::from(state.workers);
        let worker_cpu = thread_cpu("worker-").saturating_sub(cpu).as_secs_f64() / wall;
        let ms = |values: &Latency| values.quantile(0.99) as f64 / 1000.0;
        let tester = Tester {
            send_lag_p99_ms: ms(&totals.publisher.lag),
            loop_lag_p99_ms: ms(&totals.worker.loop_lag),
            ..Tester::default()
        };
        self.taint =
            self_check::reasons(&tester, worker_cpu, &totals.worker.delivery.distribution());
    }

    fn push_to_window(&mut self, second: &Latency) {
        if matches!(self.display, Display::Lines) {
            return;
        }
        let mut oldest = if self.window.len() >= WINDOW {
            self.window.pop_front().unwrap_or_default()
        } else {
            Latency::default()
        };
        oldest.clear();
        oldest.merge(second);
        self.window.push_back(oldest);
    }

    fn snapshot(&self, state: &RunState, totals: &Totals, marks: &[Mark]) -> Snapshot {
        let plan = &state.plan;
        let (worker, publisher) = (&totals.worker, &totals.publisher);
        let mut recent = totals.recent.clone();
        for second in &self.window {
            recent.merge(second);
        }
        let ramp = Duration::from_secs_f64(f64::from(plan.connections) / plan.connect_rate);
        let connect = self.busy.map_or(ramp, |(since, _)| since - self.start);
        let (rate, paused) = state.schedule.pace(state.clock.now_ns());
        let rows = totals.rows.len().saturating_sub(MAX_ROWS);
        let now_s = state.clock.now_ns() as f64 / 1e9;
        let mut past: Vec<&Mark> = marks.iter().filter(|mark| mark.at_s <= now_s).collect();
        past.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        let notes = past.len().saturating_sub(MAX_NOTES);
        Snapshot {
            phase: *state.phase.borrow(),
            elapsed: self.start.elapsed(),
            planned: connect + plan.duration,
            open: u64::from(state.open.load(SeqCst)),
            sockets: u64::from(plan.ready_sockets()),
            connect_rate: plan.connect_rate,
            connect_failed: total(&worker.connect_failed),
            evicted: worker.unresponsive.closed + worker.slow.closed,
            closed: total(&worker.closed),
            rate,
            paused,
            published: publisher.accepted,
            publish_failed: total(&publisher.failed),
            received: worker.received,
            lost: worker.lost,
            declared: worker.declared,
            duplicates: worker.duplicates,
            reorders: worker.reorders,
            foreign: worker.foreign,
            ack: Figures::from(&publisher.ack),
            delivery: Figures::from(&worker.delivery),
            recent: Figures::from(&recent),
            server_pid: self.server_pid,
            send_lag_p99_us: publisher.lag.quantile(0.99),
            loop_lag_p99_us: worker.loop_lag.quantile(0.99),
            taint: self.taint.clone(),
            rows: totals.rows[rows..].to_vec(),
            notes: past[notes..].iter().copied().map(note).collect(),
        }
    }
}

fn note(mark: &Mark) -> String {
    let seconds = mark.at_s as u64;
    format!(
        "{:02}:{:02}  {}  {}",
        seconds / 60,
        seconds % 60,
        mark.kind,
        mark.label
    )
}

/// The line that shows one second of the run.
fn line(state: &RunState, totals: &Totals, elapsed: Duration, since: Duration) -> String {
    let seconds = elapsed.as_secs();
    let clock = format!("{:02}:{:02}", seconds / 60, seconds % 60);
    let open = grouped(u64::from(state.open.load(SeqCst)));
    let all = grouped(u64::from(state.plan.connections));
    let worker = &totals.worker;
    let phase = *state.phase.borrow();
    if phase == Phase::Connect {
        let failed = total(&worker.connect_failed);
        return format!("{clock}  connecting  open {open}/{all}  failed {failed}");
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
    let failed = total(&totals.publisher.failed);
    format!(
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
    )
}
