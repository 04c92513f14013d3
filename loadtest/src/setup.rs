//! From flags and a scenario to everything a run needs.

use crate::flags::Flags;
use crate::outcome::Brief;
use crate::plan::{Plan, gcd};
use crate::run::Options;
use crate::scenario::Scenario;
use crate::target::Target;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Checks the flags; the error is for people.
pub(crate) fn options(scenario: &Scenario, flags: Flags) -> Result<Options, String> {
    if flags.display.are_impossible() {
        return Err("--tui needs a terminal for standard input and standard error".to_owned());
    }
    let ws = Target::resolve(&flags.url, "ws")?;
    let api = flags.api.unwrap_or_else(|| format!("http://{}", ws.host));
    let api = Target::resolve(&api, "http")?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32;
    let workers = flags.workers.unwrap_or((cores / 2).max(1));
    let defaults = &scenario.defaults;
    let channels = flags.channels.unwrap_or(defaults.channels);
    let rate = flags.rate.unwrap_or(defaults.rate);
    let publishers = flags
        .publishers
        .unwrap_or_else(|| Plan::publishers_for(rate, channels.max(1)));
    let run = fresh_run_id();
    let plan = Plan {
        run,
        seed: flags.seed.unwrap_or(u64::from(run)),
        only_conn: flags.only_conn,
        connections: flags.connections.unwrap_or(defaults.connections),
        connect_rate: flags.connect_rate,
        channels,
        subs_per_conn: flags.subs_per_conn,
        publishers,
        common: gcd(channels, publishers).max(1),
        rate,
        duration: flags.duration.unwrap_or(defaults.duration),
        churn: flags.trouble.churn.unwrap_or(defaults.churn),
        storm: flags.trouble.storm(defaults),
        cohorts: flags.trouble.cohorts(defaults),
        attacks: scenario.name == "adversarial",
        payload_bytes: flags.size.unwrap_or(defaults.size),
    };
    let mut plan = plan;
    if flags.duration.is_none() && plan.cohorts.longest() > Duration::ZERO {
        plan.duration = plan.cohorts.at + plan.cohorts.longest() + Duration::from_secs(1);
    }
    let limits = [
        ("--connections", plan.connections, 1, 1_000_000),
        ("--channels", plan.channels, 1, 1_000_000),
        (
            "--subs-per-conn",
            plan.subs_per_conn,
            1,
            plan.channels.min(1000),
        ),
        ("--publishers", plan.publishers, 1, 256),
        ("--workers", workers, 1, plan.connections.min(1024)),
        (
            "--only-conn",
            plan.only_conn.unwrap_or(0),
            0,
            plan.connections.saturating_sub(1),
        ),
    ];
    for (flag, value, least, most) in limits {
        if value < least || value > most {
            return Err(format!("{flag} {value} must be {least} to {most}"));
        }
    }
    if plan.publications() == 0 && plan.rate > 0.0 {
        return Err("--rate times --duration gives no publication at all".to_owned());
    }
    let default_assertions = if flags.no_default_asserts {
        Vec::new()
    } else {
        scenario.assertions(&plan)
    };
    let brief = Brief {
        scenario: scenario.name.to_owned(),
        target: ws.host.clone(),
        cmd: command_line(scenario.name),
        assertions: flags.asserts,
        default_assertions,
        allow_taint: flags.allow_taint,
    };
    Ok(Options {
        plan,
        ws,
        api,
        source_ips: flags.source_ips,
        workers,
        connect_timeout: flags.connect_timeout,
        drain: flags.drain,
        limit_time: flags.limit_time,
        yes: flags.yes,
        server_pid: flags.server_pid,
        display: flags.display,
        brief,
    })
}

/// The command line without its seed and single connection, with the scenario in words.
fn command_line(scenario: &str) -> String {
    let mut words = vec!["loadtest".to_owned(), "run".to_owned(), scenario.to_owned()];
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "run").is_some() {
        args.next_if(|arg| arg == scenario);
    }
    while let Some(arg) = args.next() {
        if arg == "--seed" || arg == "--only-conn" {
            args.next();
        } else if !arg.starts_with("--seed=") && !arg.starts_with("--only-conn=") {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%".contains(c);
            words.push(if arg.chars().all(plain) {
                arg
            } else {
                format!("'{arg}'")
            });
        }
    }
    words.join(" ")
}

/// Differs between testers that run at the same time.
fn fresh_run_id() -> u32 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_nanos() as u32).rotate_left(7) ^ std::process::id().rotate_left(16)
}
