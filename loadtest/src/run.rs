//! One run, from the command line's options to the exit code.

use crate::clock::Clock;
use crate::conductor::{self, Finished, INTERRUPTED};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::outcome::Brief;
use crate::plan::Plan;
use crate::preflight;
use crate::process::ServerPid;
use crate::report::Outputs;
use crate::run_state::{Phase, RunState};
use crate::signals;
use crate::source_ips::SourceIps;
use crate::target::Target;
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;
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

/// Runs to the end, prints the report and writes the files that were asked for.
pub(crate) fn run(options: Options, outputs: &Outputs) -> Exit {
    let interrupts = match signals::listen() {
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

fn exit_of(outcome: Result<Finished, Exit>, allow_taint: bool) -> Exit {
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
pub(crate) fn execute(options: Options, interrupts: Receiver<()>) -> Result<Finished, Exit> {
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
    conductor::conduct(state, pid, interrupts, limit, drain, &brief).map_err(|error| {
        eprintln!("loadtest: {error}");
        Exit::Internal
    })
}
