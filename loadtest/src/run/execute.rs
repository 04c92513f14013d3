//! Executes a run, from its options to the exit code.

use super::conductor::{self, ConductorOptions, Finished};
use super::display::{Display, DisplayFlags};
use super::metrics_server::MetricsServer;
use super::options::RunOptions;
use super::preflight;
use super::signals;
use crate::base::clock::Clock;
use crate::base::exit::Exit;
use crate::base::print;
use crate::books::ledger::Ledger;
use crate::dashboard::snapshot::Title;
use crate::measure::server_pid::ServerPid;
use crate::plan::phase::Phase;
use crate::report::outputs::Outputs;
use crate::sockets::run_state::RunState;
use crate::verdict::run_record::CutShort;
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;
use tokio::sync::watch;

/// Executes a run, prints its report and writes the requested files.
pub(crate) fn run(options: RunOptions, outputs: &Outputs) -> Exit {
    let interrupts = match signals::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => {
            print::err_line(&format!("loadtest: cannot listen for signals: {error}"));
            return Exit::Setup;
        }
    };
    let allow_taint = options.judging.allow_taint;
    let outcome = execute(options, interrupts);
    let is_saved = outcome
        .as_ref()
        .map_or(true, |(result, _)| outputs.save(result));
    match exit_of(outcome, allow_taint) {
        // A missing report does not hide the verdict of a bad run.
        Exit::Pass if !is_saved => Exit::Setup,
        exit => exit,
    }
}

/// Executes one of several runs, which share the signals. Writes no files.
pub(crate) fn run_one_of_several(mut options: RunOptions, interrupts: Receiver<()>) -> Exit {
    options.display = DisplayFlags::lines();
    let allow_taint = options.judging.allow_taint;
    exit_of(execute(options, interrupts), allow_taint)
}

fn exit_of(outcome: Result<Finished, Exit>, allow_taint: bool) -> Exit {
    match outcome {
        Ok((_, Some(CutShort::Interrupted))) => Exit::Interrupted,
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

/// Executes a run and prints its report.
pub(crate) fn execute(options: RunOptions, interrupts: Receiver<()>) -> Result<Finished, Exit> {
    let display = options.display;
    execute_on(options, interrupts, |title| display.open(title))
}

/// What is run, in one line.
fn headline(options: &RunOptions) -> String {
    let plan = &options.plan;
    let up_to = |is_staged| if is_staged { "up to " } else { "" };
    let stages = if plan.stages.are_none() {
        String::new()
    } else {
        format!("stages {}  ", plan.stages.text())
    };
    format!(
        "loadtest {}  {}  {}{} sockets  {}  {}{}/s  {:?}  {stages}run {:08x}  seed {}",
        options.judging.scenario,
        options.ws.host,
        up_to(plan.stages.set_connections()),
        plan.sockets(),
        plan.topics(),
        up_to(plan.stages.set_rates()),
        plan.rate,
        plan.duration,
        plan.run,
        plan.seed,
    )
}

/// Executes a run on the display that `open` returns. It is opened after all checks, so that their errors stay visible.
pub(crate) fn execute_on(
    options: RunOptions,
    interrupts: Receiver<()>,
    open: impl FnOnce(Title) -> Display,
) -> Result<Finished, Exit> {
    let plan = &options.plan;
    print::out_line(&headline(&options));
    let cohorts = &plan.cohorts;
    if cohorts.longest() > Duration::ZERO {
        print::out_line(&cohorts.heartbeat.to_string());
    }
    let (drain, limit) = (options.drain, options.limit_time);
    let judging = options.judging;
    let source_ips = options
        .source_ips
        .for_run(options.plan.connections, options.ws.addr.ip());
    let state = Arc::new(RunState {
        ledger: Ledger::new(&options.plan),
        clock: Clock::start(),
        ws: options.ws,
        api: options.api,
        dialect: options.dialect,
        credentials: options.credentials,
        source_ips,
        workers: options.workers,
        engine: options.engine,
        connect_timeout: options.connect_timeout,
        phase: watch::Sender::new(Phase::Connect),
        schedule: options.plan.schedule(),
        begin_ns: AtomicU64::new(u64::MAX),
        openings: AtomicU32::new(0),
        storms: AtomicU32::new(0),
        connects_done: AtomicU32::new(0),
        faults_at_ns: AtomicU64::new(u64::MAX),
        storm_at_ns: AtomicU64::new(u64::MAX),
        open: AtomicU32::new(0),
        peak: AtomicU32::new(0),
        open_books: (0..options.workers)
            .map(|_| AtomicU64::new(u64::MAX))
            .collect(),
        publishers_done: AtomicU32::new(0),
        plan: options.plan,
    });
    match preflight::check(&state, limit, drain, options.yes) {
        Ok(notes) => notes.iter().for_each(|note| print::err_line(note)),
        Err(error) => {
            print::err_line(&format!("loadtest: {error}"));
            return Err(Exit::Setup);
        }
    }
    let pid = options
        .server_pid
        .unwrap_or(ServerPid::Auto)
        .find(state.ws.addr);
    if pid.is_none() && !matches!(options.server_pid, None | Some(ServerPid::Unwatched)) {
        print::err_line(
            "loadtest: cannot watch the server process\n  fix: give its id with --server-pid, and run loadtest as the same user",
        );
        return Err(Exit::Setup);
    }
    let metrics = match options.metrics.map(MetricsServer::start).transpose() {
        Ok(metrics) => metrics,
        Err(error) => {
            print::err_line(&format!(
                "loadtest: --metrics: {error}\n  fix: give another address"
            ));
            return Err(Exit::Setup);
        }
    };
    if let Some(metrics) = &metrics {
        print::err_line(&format!("metrics: http://{}/metrics", metrics.addr));
    }
    let display = open(Title {
        scenario: judging.scenario.clone(),
        target: judging.target.clone(),
        seed: state.plan.seed,
    });
    let options = ConductorOptions {
        server: pid,
        display,
        metrics,
        interrupts,
        limit,
        drain,
    };
    conductor::conduct(state, options, &judging).map_err(|error| {
        print::err_line(&format!("loadtest: {error}"));
        Exit::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::run_result::RunResult;

    #[test]
    fn exits_with_the_verdict() {
        let interrupted = Some(CutShort::Interrupted);
        let out_of_time = Some(CutShort::OutOfTime);
        for (passed, valid, cut_short, allow_taint, exit) in [
            (true, true, None, false, Exit::Pass),
            (true, true, None, true, Exit::Pass),
            (true, false, None, false, Exit::Tainted),
            (true, false, None, true, Exit::Pass),
            (false, true, None, false, Exit::Fail),
            (false, true, None, true, Exit::Fail),
            (false, false, None, false, Exit::Fail),
            (true, true, out_of_time, false, Exit::Fail),
            (true, false, out_of_time, false, Exit::Fail),
            (true, true, interrupted, false, Exit::Interrupted),
            (false, false, interrupted, false, Exit::Interrupted),
        ] {
            let result = RunResult {
                passed,
                valid,
                ..RunResult::default()
            };
            let found = exit_of(Ok((result, cut_short)), allow_taint);
            let case = format!("{passed} {valid} {cut_short:?} {allow_taint}");
            assert_eq!(found, exit, "{case}");
        }
        assert_eq!(exit_of(Err(Exit::Setup), true), Exit::Setup);
    }
}
