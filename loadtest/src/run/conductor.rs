//! Conducts a run: starts the threads, advances the phases, collects the reports.

use super::display::Display;
use super::metrics_server::MetricsServer;
use super::progress::Progress;
use crate::base::print;
use crate::base::threads::{join_finished, spawn};
use crate::books::evidence::EvidenceKind;
use crate::books::tally::TallyReport;
use crate::books::totals::Totals;
use crate::dashboard::keys::KeyCommand;
use crate::measure::process::{cpu_time, thread_cpu};
use crate::measure::sampler::Sampler;
use crate::plan::phase::Phase;
use crate::report::text;
use crate::result::run_result::{RunResult, Span};
use crate::sockets::attacks;
use crate::sockets::publisher::Publisher;
use crate::sockets::run_state::RunState;
use crate::sockets::worker;
use crate::verdict::judge::{self, JudgeOptions};
use crate::verdict::run_record::{CutShort, RunRecord};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Capacity of the channel for reports. A thread that finds it full keeps counting and reports later.
const REPORTS: usize = 256;
/// How long to watch for duplicates after all books are complete.
const SETTLE: Duration = Duration::from_millis(200);
/// Time before the first publication, so that publishers can connect.
const LEAD: Duration = Duration::from_millis(100);
/// How long publishers may take to stop.
const STOP: Duration = Duration::from_secs(5);
/// Longest drain of a run that ended early.
const SHORT_DRAIN: Duration = Duration::from_secs(2);

/// The result of a run, and why it ended early, if it did.
pub(crate) type Finished = (RunResult, Option<CutShort>);

/// How to conduct a run.
pub(crate) struct ConductorOptions {
    /// The process of the server, if it is watched.
    pub(crate) server: Option<u32>,
    pub(crate) display: Display,
    /// Serves the figures to Prometheus.
    pub(crate) metrics: Option<MetricsServer>,
    /// Receives `()` for each Ctrl-C or SIGTERM, which ends the run early.
    pub(crate) interrupts: Receiver<()>,
    /// Time limit of the run, without its close phase.
    pub(crate) limit: Duration,
    /// How long to wait for the last deliveries.
    pub(crate) drain: Duration,
}

/// Conducts a run, from the first connect to the printed report.
///
/// # Errors
/// A thread cannot be started, or panicked.
pub(crate) fn conduct(
    state: Arc<RunState>,
    options: ConductorOptions,
    judging: &JudgeOptions,
) -> io::Result<Finished> {
    let (sender, reports) = bounded(REPORTS);
    let conductor = Conductor {
        limit: Instant::now() + options.limit,
        commands: options.display.commands(),
        progress: Progress::start(options.display, options.server, options.metrics)?,
        totals: Totals::default(),
        cut_short: None,
        sampler: Sampler::start(
            options.server,
            Some(&state.api).filter(|_| state.dialect.is_none()),
        ),
        record: RunRecord {
            started_unix_ms: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis() as u64,
            ..RunRecord::default()
        },
        reports,
        interrupts: options.interrupts,
        state,
    };
    conductor.conduct(sender, options.drain, judging)
}

/// A run in progress.
pub(super) struct Conductor {
    pub(super) state: Arc<RunState>,
    pub(super) reports: Receiver<TallyReport>,
    /// Receives `()` for each Ctrl-C or SIGTERM.
    pub(super) interrupts: Receiver<()>,
    /// Receives what the user asks for with keys.
    pub(super) commands: Receiver<KeyCommand>,
    pub(super) totals: Totals,
    pub(super) progress: Progress,
    pub(super) limit: Instant,
    pub(super) cut_short: Option<CutShort>,
    pub(super) sampler: Sampler,
    pub(super) record: RunRecord,
}

impl Conductor {
    fn conduct(
        mut self,
        sender: Sender<TallyReport>,
        drain: Duration,
        judging: &JudgeOptions,
    ) -> io::Result<Finished> {
        let state = Arc::clone(&self.state);
        let plan = &state.plan;
        let begin = Instant::now();
        let mut threads = Vec::new();
        for index in 0..state.workers {
            let (state, sender) = (Arc::clone(&state), sender.clone());
            threads.push(spawn(format!("worker-{index}"), move || {
                if let Err(error) = worker::run(&state, index, &sender) {
                    let _ = sender
                        .send_timeout(TallyReport::Error(format!("worker {index}: {error}")), STOP);
                }
            })?);
        }
        let ramp = Duration::from_secs_f64(f64::from(plan.connections) / plan.connect_rate);
        let until = begin + ramp * 2 + state.connect_timeout * 2;
        self.wait(until, |state| {
            state.connects_done.load(SeqCst) >= state.plan.sockets_at_start()
        });
        self.record_phase("connect", begin);

        let (cpu, worker_cpu) = (cpu_time(), thread_cpu("worker-"));
        let busy = Instant::now();
        let some = state.open.load(SeqCst) > 0 || plan.stages.set_connections();
        if self.cut_short.is_none() && some {
            threads.extend(self.publish(sender, drain)?);
        } else {
            drop(sender);
        }
        self.record_phase("publish", busy);

        let drain_begin = Instant::now();
        state.phase.send_replace(Phase::Drain);
        // A run that ends early drains as well, so that what is on its way does not count as lost.
        let drain = self.cut_short.map_or(drain, |_| drain.min(SHORT_DRAIN));
        self.wait(drain_begin + drain, |state| state.open_books() == 0);
        if self.cut_short.is_none() {
            self.wait(Instant::now() + SETTLE, |_| false);
        }
        self.record_phase("drain", drain_begin);
        let wall = busy.elapsed().as_secs_f64();
        self.record.cores = cpu_time().saturating_sub(cpu).as_secs_f64() / wall;
        let worker_cpu = thread_cpu("worker-").saturating_sub(worker_cpu);
        self.record.worker_cores = worker_cpu.as_secs_f64() / wall / f64::from(state.workers);
        let close_begin = Instant::now();

        state.phase.send_replace(Phase::Close);
        self.progress.show(&state, &self.totals, &self.record.marks);
        let complete = self.gather(Instant::now() + Duration::from_secs(15));
        if !join_finished(threads) {
            return Err(io::Error::other("a thread panicked, so there is no result"));
        }
        self.judge_undercounts();
        self.record.planned = state.schedule.publications();
        self.record.rates = state.schedule.rates();
        self.record.thread_errors = std::mem::take(&mut self.totals.errors);
        self.record.steady = state.is_steady();
        self.record.expects_all = state.expects_all();
        self.record.peak = state.peak.load(SeqCst);
        self.record.cut_short = self.cut_short;
        self.record.evictions = self.sampler.evictions(&state.api);
        self.record_phase("close", close_begin);
        let server = self.sampler.finish(&state.api, self.record.peak);
        let marks = &mut self.record.marks;
        self.progress.end(&state, &self.totals, marks);
        if !complete {
            print::err_line(
                "loadtest: not every thread has reported, so the figures are incomplete",
            );
        }
        let result = judge::judge(judging, plan, &self.totals, &self.record, server);
        print::out(&text::render(plan, &self.totals, &self.record, &result));
        Ok((result, self.cut_short))
    }

    /// Records a phase that ends now.
    fn record_phase(&mut self, name: &str, from: Instant) {
        let to_s = self.state.clock.now_ns() as f64 / 1e9;
        self.record.phases.push(Span {
            name: name.to_owned(),
            from_s: to_s - from.elapsed().as_secs_f64(),
            to_s,
        });
    }

    /// Starts the publishers and waits until everything is published or the time for it is over.
    fn publish(
        &mut self,
        sender: Sender<TallyReport>,
        drain: Duration,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let state = Arc::clone(&self.state);
        let start_ns = state.clock.now_ns() + LEAD.as_nanos() as u64;
        state.schedule.begin(start_ns);
        state.begin_ns.store(start_ns, SeqCst);
        state.phase.send_replace(Phase::Publish);
        self.schedule_faults(start_ns);
        self.mark_stages(start_ns);
        let end = state.clock.instant(start_ns) + state.plan.duration;
        let give_up = end + drain;
        let (stop, stopped) = bounded::<()>(0);
        let mut threads = Vec::new();
        for index in 0..state.plan.publisher_threads() {
            let publisher = Publisher::new(Arc::clone(&state), index, sender.clone());
            let stopped = stopped.clone();
            threads.push(spawn(format!("publisher-{index}"), move || {
                publisher.run(give_up, &stopped);
            })?);
        }
        if state.plan.attacks {
            let (state, sender) = (Arc::clone(&state), sender.clone());
            threads.push(spawn("attacker".to_owned(), move || {
                let tally = attacks::run(&state);
                // If the conductor is gone, nobody needs the report.
                let _ = sender.send_timeout(TallyReport::Worker(Box::new(tally)), STOP);
            })?);
        }
        drop(sender);
        // At a low rate the last publication is due long before the end, but the sockets stay open until then.
        self.wait(give_up + STOP, |state| {
            Instant::now() >= end && state.all_published() && state.all_stages_opened()
        });
        drop(stop);
        self.wait(Instant::now() + STOP, RunState::all_published);
        Ok(threads)
    }

    /// Collects reports and shows progress until `done` returns `true`, `until` is reached, or the run is to end early. A
    /// second signal ends the next wait early, too.
    fn wait(&mut self, until: Instant, done: impl Fn(&RunState) -> bool) {
        const STEP: Duration = Duration::from_millis(10);
        let mut reports = self.reports.clone();
        while !done(&self.state) && Instant::now() < until {
            if self.cut_short.is_none() && Instant::now() >= self.limit {
                self.cut_short = Some(CutShort::OutOfTime);
                return;
            }
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => self.totals.add(report),
                    // All threads have ended.
                    Err(_) => reports = never(),
                },
                recv(self.interrupts) -> _ => {
                    self.cut_short = Some(CutShort::Interrupted);
                    return;
                }
                recv(self.commands) -> command => match command {
                    Ok(KeyCommand::Quit) => {
                        self.cut_short = Some(CutShort::Interrupted);
                        return;
                    }
                    Ok(command) => self.steer(command),
                    // The terminal is gone.
                    Err(_) => self.commands = never(),
                },
                default(STEP) => {}
            }
            self.observe_stage();
            let (totals, sampler) = (&mut self.totals, &mut self.sampler);
            self.progress
                .tick(&self.state, totals, sampler, &mut self.record.marks);
        }
    }

    /// Counts the low subscriber counts that are not explained by sockets that have gone since.
    fn judge_undercounts(&mut self) {
        let tally = &mut self.totals.publisher;
        for (channel, replies, lowest, left) in self.state.ledger.unexplained_undercounts() {
            tally.mismatches += replies;
            let name = self.state.plan.channel_name(channel);
            tally.evidence.note(EvidenceKind::Subscribers, || {
                format!("{replies} publications to {name}: the server counted as few as {lowest} subscribers, the tester {left}")
            });
        }
    }

    /// Collects the last reports. Returns whether every thread has ended by `until`.
    fn gather(&mut self, until: Instant) -> bool {
        loop {
            match self.reports.recv_deadline(until) {
                Ok(report) => self.totals.add(report),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
