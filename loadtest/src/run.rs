//! Conducts a run: starts the threads, moves the phases on, gathers the reports.

use crate::attacks;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::outcome::{self, Brief, Course};
use crate::plan::Plan;
use crate::preflight;
use crate::process::{ServerPid, cpu_time, thread_cpu};
use crate::progress::{Progress, Totals};
use crate::publisher::Publisher;
use crate::report::Outputs;
use crate::result::{Mark, RunResult, Span};
use crate::run_state::{Phase, RunState};
use crate::sampler::Sampler;
use crate::source_ips::SourceIps;
use crate::summary;
use crate::tally::{Kind, Report};
use crate::target::Target;
use crate::worker;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Everything the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) plan: Plan,
    pub(crate) ws: Target,
    pub(crate) api: Target,
    pub(crate) source_ips: SourceIps,
    pub(crate) workers: u32,
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the last deliveries.
    pub(crate) drain: Duration,
    /// Longest time for everything.
    pub(crate) limit_time: Duration,
    /// Non-loopback targets are allowed.
    pub(crate) yes: bool,
    pub(crate) server_pid: Option<ServerPid>,
    pub(crate) brief: Brief,
}

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

/// Runs to the end, prints the report and writes the files that were asked for.
pub(crate) fn run(options: Options, outputs: &Outputs) -> Exit {
    let interrupts = match listen_for_signals() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            eprintln!("loadtest: signals cannot be heard: {error}");
            return Exit::Setup;
        }
    };
    let allow_taint = options.brief.allow_taint;
    let outcome = execute(options, interrupts);
    if let Ok((result, _)) = &outcome
        && !outputs.save(result)
    {
        return Exit::Setup;
    }
    exit_of(outcome, allow_taint)
}

/// The same as one of several runs, which share the signals.
pub(crate) fn run_among(options: Options, interrupts: Receiver<()>) -> Exit {
    let allow_taint = options.brief.allow_taint;
    exit_of(execute(options, interrupts), allow_taint)
}

fn exit_of(outcome: Result<(RunResult, Option<&'static str>), Exit>, allow_taint: bool) -> Exit {
    match outcome {
        Ok((_, Some(INTERRUPTED))) => Exit::Interrupted,
        Ok((result, cut_short)) => {
            if !result.passed || cut_short.is_some() {
                Exit::Fail
            } else if result.valid || allow_taint {
                Exit::Pass
            } else {
                Exit::Tainted
            }
        }
        Err(exit) => exit,
    }
}

/// Runs to the end, prints the report, and gives the result and why it was cut short.
pub(crate) fn execute(
    options: Options,
    interrupts: Receiver<()>,
) -> Result<(RunResult, Option<&'static str>), Exit> {
    let plan = &options.plan;
    println!(
        "loadtest {}  {}  {} sockets  {} channels  {}/s  {:?}  run {:08x}  seed {}",
        options.brief.scenario,
        options.ws.host,
        plan.sockets(),
        plan.channels,
        plan.rate,
        plan.duration,
        plan.run,
        plan.seed,
    );
    let (drain, limit) = (options.drain, options.limit_time);
    let brief = options.brief;
    let source_ips = options
        .source_ips
        .for_run(options.plan.connections, options.ws.addr.ip());
    let state = Arc::new(RunState {
        ledger: Ledger::new(&options.plan),
        clock: Clock::start(),
        ws: options.ws,
        api: options.api,
        source_ips,
        workers: options.workers,
        connect_timeout: options.connect_timeout,
        phase: watch::Sender::new(Phase::Connect),
        connects_done: AtomicU32::new(0),
        turn_ns: AtomicU64::new(u64::MAX),
        storm_ns: AtomicU64::new(u64::MAX),
        open: AtomicU32::new(0),
        peak: AtomicU32::new(0),
        open_books: (0..options.workers)
            .map(|_| AtomicU64::new(u64::MAX))
            .collect(),
        publishers_done: AtomicU32::new(0),
        plan: options.plan,
    });
    match preflight::check(&state, limit, drain, options.yes) {
        Ok(notes) => notes.iter().for_each(|note| eprintln!("{note}")),
        Err(error) => {
            eprintln!("loadtest: {error}");
            return Err(Exit::Setup);
        }
    }
    let pid = options
        .server_pid
        .unwrap_or(ServerPid::Auto)
        .find(state.ws.addr);
    if pid.is_none() && !matches!(options.server_pid, None | Some(ServerPid::Unwatched)) {
        eprintln!(
            "loadtest: the server's process cannot be watched\n  fix: give its --server-pid, and run as its user"
        );
        return Err(Exit::Setup);
    }
    let (sender, reports) = bounded(REPORTS);
    let conductor = Conductor {
        limit: Instant::now() + limit,
        progress: Progress::start(),
        totals: Totals::default(),
        cut_short: None,
        sampler: Sampler::start(pid, &state.api),
        course: Course {
            started_unix_ms: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis() as u64,
            ..Course::default()
        },
        reports,
        interrupts,
        state,
    };
    conductor.conduct(sender, drain, &brief).map_err(|error| {
        eprintln!("loadtest: {error}");
        Exit::Internal
    })
}

struct Conductor {
    state: Arc<RunState>,
    reports: Receiver<Report>,
    /// One unit for each Ctrl-C or SIGTERM.
    interrupts: Receiver<()>,
    totals: Totals,
    progress: Progress,
    limit: Instant,
    cut_short: Option<&'static str>,
    sampler: Sampler,
    course: Course,
}

const INTERRUPTED: &str = "interrupted";
const OUT_OF_TIME: &str = "time limit reached";

impl Conductor {
    fn conduct(
        mut self,
        sender: Sender<Report>,
        drain: Duration,
        brief: &Brief,
    ) -> io::Result<(RunResult, Option<&'static str>)> {
        let state = Arc::clone(&self.state);
        let plan = &state.plan;
        let begin = Instant::now();
        let mut threads = Vec::new();
        for index in 0..state.workers {
            let (state, sender) = (Arc::clone(&state), sender.clone());
            threads.push(spawn(format!("worker-{index}"), move || {
                if let Err(error) = worker::run(&state, index, &sender) {
                    eprintln!("loadtest: worker {index}: {error}");
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
        self.course.cores = cpu_time().saturating_sub(cpu).as_secs_f64() / wall;
        let worker_cpu = thread_cpu("worker-").saturating_sub(worker_cpu);
        self.course.worker_cores = worker_cpu.as_secs_f64() / wall / f64::from(state.workers);
        let close_begin = Instant::now();

        state.phase.send_replace(Phase::Close);
        self.gather(Instant::now() + Duration::from_secs(15));
        if !join_finished(threads) {
            return Err(io::Error::other("a thread panicked; there are no figures"));
        }
        self.judge_short_replies();
        self.course.peak = state.peak.load(SeqCst);
        self.course.cut_short = self.cut_short;
        self.enter("close", close_begin);
        let server = self.sampler.finish(&state.api, self.course.peak);
        let result = outcome::result(brief, plan, &self.totals, &self.course, server);
        let report = summary::render(plan, &self.totals, &self.course, &result);
        // A reader that left does not change the verdict.
        let _ = io::stdout().write_all(report.as_bytes());
        Ok((result, self.cut_short))
    }

    /// Enters a phase that ends now.
    fn enter(&mut self, name: &str, from: Instant) {
        let to_s = self.state.clock.now_ns() as f64 / 1e9;
        self.course.phases.push(Span {
            name: name.to_owned(),
            from_s: to_s - from.elapsed().as_secs_f64(),
            to_s,
        });
    }

    /// Sets the times of the storm and of the cohorts, and marks them.
    fn plan_trouble(&mut self, start_ns: u64) {
        let plan = &self.state.plan;
        let mut mark = |at: Duration, kind: &str, label: String| {
            let at_ns = start_ns + at.as_nanos() as u64;
            self.course.marks.push(Mark {
                at_s: at_ns as f64 / 1e9,
                kind: kind.to_owned(),
                label,
            });
            at_ns
        };
        if let Some(storm) = plan.storm {
            let at_ns = mark(storm.at, "storm", "everyone drops".to_owned());
            self.state.storm_ns.store(at_ns, SeqCst);
        }
        if !plan.cohorts.shares.is_empty() {
            let names: Vec<&str> = plan
                .cohorts
                .shares
                .iter()
                .map(|(role, _)| role.name())
                .collect();
            let at_ns = mark(plan.cohorts.at, "cohort", names.join(", "));
            self.state.turn_ns.store(at_ns, SeqCst);
        }
    }

    /// Starts the publishers and waits until all is published, or the time for it is over.
    fn publish(
        &mut self,
        sender: Sender<Report>,
        drain: Duration,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let state = Arc::clone(&self.state);
        state.phase.send_replace(Phase::Publish);
        let start_ns = state.clock.now_ns() + LEAD.as_nanos() as u64;
        self.plan_trouble(start_ns);
        let end = state.clock.instant(start_ns) + state.plan.duration;
        let give_up = end + drain;
        let (stop, stopped) = bounded::<()>(0);
        let mut threads = Vec::new();
        for index in 0..state.plan.publishers {
            let publisher = Publisher::new(Arc::clone(&state), index, sender.clone());
            let stopped = stopped.clone();
            threads.push(spawn(format!("publisher-{index}"), move || {
                publisher.run(start_ns, give_up, &stopped);
            })?);
        }
        if state.plan.attacks {
            let (state, sender) = (Arc::clone(&state), sender.clone());
            threads.push(spawn("attacker".to_owned(), move || {
                let tally = attacks::run(&state);
                // Without a reporter there is nobody left to tell.
                let _ = sender.send_timeout(Report::Worker(Box::new(tally)), STOP);
            })?);
        }
        drop(sender);
        let all_done =
            |state: &RunState| state.publishers_done.load(SeqCst) == state.plan.publishers;
        // A low rate has its last publication long before the end; the sockets stay open until then.
        self.wait(give_up + STOP, |state| {
            Instant::now() >= end && all_done(state)
        });
        drop(stop);
        self.wait(Instant::now() + STOP, all_done);
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
                default(STEP) => {}
            }
            self.progress
                .tick(&self.state, &mut self.totals, &mut self.sampler);
        }
    }

    fn judge_short_replies(&mut self) {
        let tally = &mut self.totals.publisher;
        for (channel, replies, lowest, left) in self.state.ledger.unexplained_short_replies() {
            tally.mismatches += replies;
            let name = self.state.plan.channel_name(channel);
            tally.evidence.note(Kind::Subscribers, || {
                format!("{replies} publications to {name}: the server answered as few as {lowest} subscribers, there are {left}")
            });
        }
    }

    /// Takes the last reports, until every thread has ended.
    fn gather(&mut self, until: Instant) {
        loop {
            match self.reports.recv_deadline(until) {
                Ok(report) => self.totals.add(report),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!(
                        "loadtest: not every thread has reported; the figures are incomplete"
                    );
                    return;
                }
            }
        }
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body)
}

/// Whether no thread panicked. Threads that are still stuck in a system call end with the process.
fn join_finished(threads: Vec<JoinHandle<()>>) -> bool {
    threads
        .into_iter()
        .filter(JoinHandle::is_finished)
        .all(|thread| thread.join().is_ok())
}

/// A second signal ends the process at once.
pub(crate) fn listen_for_signals() -> io::Result<Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = bounded(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut int, mut term) = {
        let _context = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    spawn("signals".to_owned(), move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if sender.try_send(()).is_err() {
                    std::process::exit(Exit::Interrupted.code().into());
                }
            }
        });
    })?;
    Ok(receiver)
}
