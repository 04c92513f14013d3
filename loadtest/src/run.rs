//! One run, from the command line's options to the exit code.

use crate::clock::Clock;
use crate::conductor::{self, Finished, INTERRUPTED, Means};
use crate::dashboard::Title;
use crate::display::{Display, DisplayFlags};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::outcome::Brief;
use crate::plan::Plan;
use crate::preflight;
use crate::process::ServerPid;
use crate::reader::Engine;
use crate::report::Outputs;
use crate::run_state::{Phase, RunState};
use crate::schedule::Schedule;
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
    pub(crate) engine: Engine,
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the last deliveries.
    pub(crate) drain: Duration,
    /// Longest time for everything.
    pub(crate) limit_time: Duration,
    /// Non-loopback targets are allowed.
    pub(crate) yes: bool,
    pub(crate) server_pid: Option<ServerPid>,
    pub(crate) display: DisplayFlags,
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
pub(crate) fn run_among(mut options: Options, interrupts: Receiver<()>) -> Exit {
    options.display = DisplayFlags::lines();
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
    let display = options.display;
    execute_on(options, interrupts, |title| display.open(title))
}

/// The display is opened when nothing stands in the way of the run any more.
fn execute_on(
    options: Options,
    interrupts: Receiver<()>,
    open: impl FnOnce(Title) -> Display,
) -> Result<Finished, Exit> {
    let plan = &options.plan;
    println!(
        "loadtest {}  {}  {} sockets  {}  {}/s  {:?}  run {:08x}  seed {}",
        options.brief.scenario,
        options.ws.host,
        plan.sockets(),
        plan.topics(),
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
        engine: options.engine,
        connect_timeout: options.connect_timeout,
        phase: watch::Sender::new(Phase::Connect),
        schedule: Schedule::new(options.plan.rate, options.plan.duration),
        storms: AtomicU32::new(0),
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
    let display = open(Title {
        scenario: brief.scenario.clone(),
        target: brief.target.clone(),
        seed: state.plan.seed,
    });
    let means = Means {
        server: pid,
        display,
        interrupts,
        limit,
        drain,
    };
    conductor::conduct(state, means, &brief).map_err(|error| {
        eprintln!("loadtest: {error}");
        Exit::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::direction;
    use crate::dashboard::{Command, Dashboard, Snapshot};
    use crate::flags::Flags;
    use crate::null_server::{Behaviour, NullServer};
    use crate::report::json::{self, tests::complaints};
    use crate::result::Metric;
    use crate::scenario::Scenario;
    use crate::setup;
    use clap::Parser;
    use crossbeam_channel::bounded;
    use std::thread;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    /// Runs against the null server with somebody who answers every moment shown with keys.
    fn watched(
        line: &str,
        mut keys: impl FnMut(&Snapshot) -> &'static [Command] + Send,
    ) -> Finished {
        let server = NullServer::start(([127, 0, 0, 1], 0).into(), Behaviour::default())
            .expect("a free port");
        let url = format!("ws://{}/ws", server.addr());
        let line = format!("loadtest --server-pid none -u {url} {line}");
        let flags = Line::parse_from(line.split(' ')).flags;
        let smoke = Scenario::find("smoke").expect("it is built in");
        let options = setup::options(smoke, flags).expect("the line is valid");
        let (dashboard, moments, pressed) = Dashboard::detached();
        let (_interrupt, interrupts) = bounded(1);
        thread::scope(|scope| {
            scope.spawn(move || {
                for moment in moments {
                    for &key in keys(&moment) {
                        pressed.try_send(key).expect("there is room");
                    }
                }
            });
            execute_on(options, interrupts, |_| Display::Dashboard(dashboard)).expect("it runs")
        })
    }

    #[test]
    fn obeys_the_keys_and_keeps_its_books() {
        let (mut step, mut still) = (0, 0);
        let (result, cut_short) = watched("-c 20 -C 2 -r 100/s -d 4s", |now| {
            let (next, keys): (bool, &[Command]) = match step {
                0 => (now.received > 0, &[Command::Storm, Command::Faster]),
                1 => (now.rate > 120.0 && now.open == 20, &[Command::Pause]),
                2 => {
                    still = now.published;
                    (now.paused && now.rows.len() > 1, &[])
                }
                // What was due before the pause began may still have been on its way.
                3 => (now.published <= still + 20, &[Command::Pause]),
                _ => (false, &[]),
            };
            step += i32::from(next);
            if next { keys } else { &[] }
        });
        assert_eq!(cut_short, None);
        assert_eq!(step, 4, "{:?}", result.marks);
        // A machine with other work may taint the run.
        let kinds: Vec<&str> = result
            .marks
            .iter()
            .map(|mark| mark.kind.as_str())
            .filter(|kind| *kind != "taint")
            .collect();
        assert_eq!(kinds, ["storm", "rate", "pause", "pause"]);
        assert!(result.passed, "{:?}", result.failures);
        let value = |name: &str| match result.metrics.get(name) {
            Some(Metric::Value { value, .. }) => *value,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(
            (value("storm.dropped"), value("storm.missing")),
            (20.0, 0.0)
        );
        assert_eq!((value("loss.silent"), value("publish.unsent")), (0.0, 0.0));
        assert!(value("publish.accepted") > 100.0);
    }

    #[test]
    fn measures_only_what_the_schema_and_the_comparison_know() {
        let lines = [
            "-c 10 -C 2 -r 50/s -d 1s",
            "-c 20 -C 2 -r 50/s -d 2s --storm-at 500ms --churn 5/s",
            "-c 20 -C 2 -r 50/s -d 2s --slow 20% --no-pong 20% --half-open 20%",
        ];
        for line in lines {
            let (result, _) = watched(line, |_| &[]);
            let document = serde_json::from_str(&json::render(&result)).expect("JSON");
            assert_eq!(complaints(&document), Vec::<String>::new(), "{line}");
            assert_eq!(direction::untold(&result), Vec::<&str>::new(), "{line}");
            assert!(!result.worst.is_empty(), "{line}");
            assert!(
                result
                    .timeseries
                    .iter()
                    .any(|row| !row.latency_bins.is_empty())
            );
        }
    }

    #[test]
    fn quits_with_a_result_of_what_happened_until_then() {
        let (result, cut_short) = watched("-c 5 -C 1 -r 50/s -d 60s", |now| {
            if now.received > 0 {
                &[Command::Quit]
            } else {
                &[]
            }
        });
        assert_eq!(cut_short, Some(INTERRUPTED));
        assert!(result.run.duration_s < 30.0);
        assert!(result.passed, "{:?}", result.failures);
    }
}
