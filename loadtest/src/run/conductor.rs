//! Conducts a run: starts the threads, moves the phases on, gathers the reports.

use super::display::Display;
use super::progress::Progress;
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
use crate::verdict::run_record::RunRecord;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reports that wait for the conductor at most.
const REPORTS: usize = 256;
/// How long to listen for duplicates when all books are complete.
const SETTLE: Duration = Duration::from_millis(200);
/// Between the decision to publish and the first publication, so that publishers can connect.
const LEAD: Duration = Duration::from_millis(100);
/// For publishers to end when they have been told to.
const STOP: Duration = Duration::from_secs(5);
/// Longest drain of a run that was cut short.
const SHORT_DRAIN: Duration = Duration::from_secs(2);

/// What a run came to, and why it was cut short, if it was.
pub(crate) type Finished = (RunResult, Option<&'static str>);

/// Why a run was cut short that a signal ended.
pub(crate) const INTERRUPTED: &str = "interrupted";
const OUT_OF_TIME: &str = "time limit reached";

/// What a run is conducted with.
pub(crate) struct ConductorOptions {
    /// The process to watch.
    pub(crate) server: Option<u32>,
    pub(crate) display: Display,
    /// One unit for each Ctrl-C or SIGTERM; it ends the run early.
    pub(crate) interrupts: Receiver<()>,
    /// Longest time for everything but closing.
    pub(crate) limit: Duration,
    /// Longest wait for the last deliveries.
    pub(crate) drain: Duration,
}

/// From the first connect to the printed verdict.
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
        progress: Progress::start(options.display, options.server),
        totals: Totals::default(),
        cut_short: None,
        sampler: Sampler::start(options.server, &state.api),
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

pub(super) struct Conductor {
    pub(super) state: Arc<RunState>,
    pub(super) reports: Receiver<TallyReport>,
    /// One unit for each Ctrl-C or SIGTERM.
    pub(super) interrupts: Receiver<()>,
    /// From the keys.
    pub(super) commands: Receiver<KeyCommand>,
    pub(super) totals: Totals,
    pub(super) progress: Progress,
    pub(super) limit: Instant,
    pub(super) cut_short: Option<&'static str>,
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
            state.connects_done.load(SeqCst) >= state.plan.sockets()
        });
        self.enter("connect", begin);

        let (cpu, worker_cpu) = (cpu_time(), thread_cpu("worker-"));
        let busy = Instant::now();
        if self.cut_short.is_none() && state.open.load(SeqCst) > 0 {
            threads.extend(self.publish(sender, drain)?);
        } else {
            drop(sender);
        }
        self.enter("publish", busy);

        let drain_begin = Instant::now();
        state.phase.send_replace(Phase::Drain);
        // A run that was cut short still waits a moment: what is on its way is not lost.
        let drain = self.cut_short.map_or(drain, |_| drain.min(SHORT_DRAIN));
        self.wait(drain_begin + drain, |state| state.open_books() == 0);
        if self.cut_short.is_none() {
            self.wait(Instant::now() + SETTLE, |_| false);
        }
        self.enter("drain", drain_begin);
        let wall = busy.elapsed().as_secs_f64();
        self.record.cores = cpu_time().saturating_sub(cpu).as_secs_f64() / wall;
        let worker_cpu = thread_cpu("worker-").saturating_sub(worker_cpu);
        self.record.worker_cores = worker_cpu.as_secs_f64() / wall / f64::from(state.workers);
        let close_begin = Instant::now();

        state.phase.send_replace(Phase::Close);
        self.progress.show(&state, &self.totals, &self.record.marks);
        let complete = self.gather(Instant::now() + Duration::from_secs(15));
        if !join_finished(threads) {
            return Err(io::Error::other("a thread panicked; there are no figures"));
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
        self.enter("close", close_begin);
        let server = self.sampler.finish(&state.api, self.record.peak);
        let marks = &mut self.record.marks;
        self.progress.end(&state, &self.totals, marks);
        if !complete {
            eprintln!("loadtest: not every thread has reported; the figures are incomplete");
        }
        let result = judge::result(judging, plan, &self.totals, &self.record, server);
        let report = text::render(plan, &self.totals, &self.record, &result);
        // A reader that left does not change the verdict.
        let _ = io::stdout().write_all(report.as_bytes());
        Ok((result, self.cut_short))
    }

    /// Enters a phase that ends now.
    fn enter(&mut self, name: &str, from: Instant) {
        let to_s = self.state.clock.now_ns() as f64 / 1e9;
        self.record.phases.push(Span {
            name: name.to_owned(),
            from_s: to_s - from.elapsed().as_secs_f64(),
            to_s,
        });
    }

    /// Starts the publishers and waits until all is published, or the time for it is over.
    fn publish(
        &mut self,
        sender: Sender<TallyReport>,
        drain: Duration,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let state = Arc::clone(&self.state);
        let start_ns = state.clock.now_ns() + LEAD.as_nanos() as u64;
        state.schedule.begin(start_ns);
        state.phase.send_replace(Phase::Publish);
        self.schedule_faults(start_ns);
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
                // Without a reporter there is nobody left to tell.
                let _ = sender.send_timeout(TallyReport::Worker(Box::new(tally)), STOP);
            })?);
        }
        drop(sender);
        // A low rate has its last publication long before the end; the sockets stay open until then.
        self.wait(give_up + STOP, |state| {
            Instant::now() >= end && state.all_published()
        });
        drop(stop);
        self.wait(Instant::now() + STOP, RunState::all_published);
        Ok(threads)
    }

    /// Takes reports and shows progress until `done` holds, `until` passes, or the run is cut short; a second
    /// signal cuts the next wait short, too.
    fn wait(&mut self, until: Instant, done: impl Fn(&RunState) -> bool) {
        const STEP: Duration = Duration::from_millis(10);
        let mut reports = self.reports.clone();
        while !done(&self.state) && Instant::now() < until {
            if self.cut_short.is_none() && Instant::now() >= self.limit {
                self.cut_short = Some(OUT_OF_TIME);
                return;
            }
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => self.totals.add(report),
                    // No thread is left to report.
                    Err(_) => reports = never(),
                },
                recv(self.interrupts) -> _ => {
                    self.cut_short = Some(INTERRUPTED);
                    return;
                }
                recv(self.commands) -> command => match command {
                    Ok(KeyCommand::Quit) => {
                        self.cut_short = Some(INTERRUPTED);
                        return;
                    }
                    Ok(command) => self.steer(command),
                    // The terminal is gone.
                    Err(_) => self.commands = never(),
                },
                default(STEP) => {}
            }
            let (totals, sampler) = (&mut self.totals, &mut self.sampler);
            self.progress
                .tick(&self.state, totals, sampler, &mut self.record.marks);
        }
    }

    fn judge_undercounts(&mut self) {
        let tally = &mut self.totals.publisher;
        for (channel, replies, lowest, left) in self.state.ledger.unexplained_undercounts() {
            tally.mismatches += replies;
            let name = self.state.plan.channel_name(channel);
            tally.evidence.note(EvidenceKind::Subscribers, || {
                format!("{replies} publications to {name}: the server answered as few as {lowest} subscribers, there are {left}")
            });
        }
    }

    /// Takes the last reports, until every thread has ended; whether all have.
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
