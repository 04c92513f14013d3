//! Turns flags and a scenario into the options of a run.

use super::flags::{Flags, Spacing};
use super::scenario::Scenario;
use super::stages_check;
use super::target::{self, ResolvedTarget};
use crate::base::target::Target;
use crate::plan::arrivals::Arrivals;
use crate::plan::popularity::ChannelPicker;
use crate::plan::run_plan::{RunPlan, gcd};
use crate::result::run_result::Run;
use crate::run::options::RunOptions;
use crate::scenes::options::SceneOptions;
use crate::verdict::assertion::Assertion;
use crate::verdict::judge::JudgeOptions;
use crate::wire::stamp::{self, Stamp};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The most publications of a run with random arrivals, whose times are drawn before it.
const MAX_ARRIVALS: u64 = 30_000_000;
/// Publishing members per room, by default.
const ROOM_PUBLISHERS: u32 = 2;

/// Builds and checks the options of a run.
///
/// # Errors
/// What is wrong with the flags, as text for the user.
pub(crate) fn options(scenario: &Scenario, flags: Flags) -> Result<RunOptions, String> {
    if flags.display.are_impossible() {
        return Err("--tui needs a terminal on standard input and standard error".to_owned());
    }
    let ResolvedTarget {
        ws,
        api,
        dialect,
        credentials,
    } = target::resolve(scenario, &flags)?;
    let mut credentials = credentials;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32;
    let workers = flags.workers.unwrap_or((cores / 2).max(1));
    let mut flags = flags;
    if dialect.as_ref().is_some_and(|own| own.file.one_channel) {
        flags.channels = Some(1);
    }
    // Nothing is sent to another machine without permission.
    let may_ask = dialect.is_none() && (flags.yes || api.is_loopback());
    let wavecast_api = may_ask.then_some(&api);
    let plan = plan(scenario, &flags, wavecast_api);
    stages_check::check(scenario, &flags, &plan)?;
    check(scenario, &flags, &plan, workers)?;
    credentials.tokens = flags.identity.tokens(plan.connections)?;
    let mut default_assertions = if flags.no_default_asserts {
        Vec::new()
    } else {
        scenario.assertions(&plan)
    };
    let skipped = dialect.as_ref().map_or_else(Vec::new, |dialect| {
        target::switch_off(dialect, &mut default_assertions)
    });
    let judging = JudgeOptions {
        scenario: scenario.name.to_owned(),
        target: ws.host.clone(),
        cmd: command_line(scenario.name),
        assertions: flags.asserts,
        default_assertions,
        skipped,
        allow_taint: flags.allow_taint,
    };
    Ok(RunOptions {
        plan,
        ws,
        api,
        dialect,
        credentials,
        source_ips: flags.source_ips,
        workers,
        engine: flags.engine,
        connect_timeout: flags.connect_timeout,
        drain: flags.drain,
        limit_time: flags.limit_time,
        yes: flags.yes,
        server_pid: flags.server_pid,
        display: flags.display,
        metrics: flags.metrics,
        judging,
    })
}

/// Builds the options of a scripted scenario, what is asserted, and what is known of the run.
///
/// # Errors
/// What is wrong with the flags, as text for the user.
pub(crate) fn scene_options(
    scenario: &Scenario,
    flags: &Flags,
) -> Result<(SceneOptions, Vec<Assertion>, Run), String> {
    let resolved = target::resolve(scenario, flags)?;
    if resolved.dialect.is_some() {
        return Err(format!("{} needs the protocol of Wavecast", scenario.name));
    }
    let run = fresh_run_id();
    let seed = flags.seed.unwrap_or(u64::from(run));
    let connections = flags.connections.unwrap_or(scenario.defaults.connections);
    if !(1..=1_000_000).contains(&connections) {
        return Err("--connections must be from 1 to 1,000,000".to_owned());
    }
    let mut asserted = flags.asserts.clone();
    if !flags.no_default_asserts {
        let spread = flags.identity.least_spread();
        asserted.extend(scenario.scripted_assertions(connections, spread));
    }
    let record = Run {
        id: format!("{run:08x}"),
        cmd: command_line(scenario.name),
        scenario: scenario.name.to_owned(),
        seed,
        target: resolved.ws.host.clone(),
        ..Run::default()
    };
    let options = SceneOptions {
        ws: resolved.ws,
        api: resolved.api,
        upgrade_headers: resolved.credentials.upgrade_headers,
        api_headers: resolved.credentials.publish_headers,
        // Some sockets are opened in addition to these.
        tokens: flags.identity.tokens(connections.saturating_mul(2))?,
        run,
        seed,
        connections,
        connect_rate: flags.connect_rate,
        connect_timeout: flags.connect_timeout,
        rate: flags.rate.unwrap_or(scenario.defaults.rate),
        duration: flags.duration.unwrap_or(scenario.defaults.duration),
        drain: flags.drain,
        timing: flags.identity.timing(),
    };
    Ok((options, asserted, record))
}

/// The plan of a run, unchecked. `api` is that of the server, if it is Wavecast.
fn plan(scenario: &Scenario, flags: &Flags, api: Option<&Target>) -> RunPlan {
    let defaults = &scenario.defaults;
    let stages = flags.stages.clone().unwrap_or_default();
    let connections = if stages.set_connections() {
        stages.most_connections()
    } else {
        flags.connections.unwrap_or(defaults.connections)
    };
    let rooms = defaults.members > 0;
    let channels = if rooms {
        let members = flags.members.unwrap_or(defaults.members).max(1);
        flags.channels.unwrap_or(connections.div_ceil(members))
    } else {
        flags.channels.unwrap_or(defaults.channels)
    };
    let rate = if stages.set_rates() {
        stages.highest_rate()
    } else {
        flags.rate.unwrap_or(defaults.rate)
    };
    let publishers = flags.publishers.unwrap_or_else(|| {
        if rooms {
            ROOM_PUBLISHERS
        } else {
            RunPlan::publishers_for(rate, channels.max(1))
        }
    });
    let run = fresh_run_id();
    let seed = flags.seed.unwrap_or(u64::from(run));
    let popularity = flags.popularity.unwrap_or(defaults.popularity);
    let picker = ChannelPicker::new(popularity, channels, seed);
    // Only if channels and publishers both take turns are there pairs that never occur.
    let common = if rooms || !picker.is_even() {
        1
    } else {
        gcd(channels, publishers).max(1)
    };
    let mut plan = RunPlan {
        run,
        seed,
        only_conn: flags.only_conn,
        connections,
        connect_rate: flags.connect_rate,
        rooms,
        channels,
        picker,
        subs_per_conn: flags.subs_per_conn,
        publishers,
        common,
        rate,
        duration: if stages.are_none() {
            flags.duration.unwrap_or(defaults.duration)
        } else {
            stages.duration()
        },
        stages,
        arrivals: Arrivals::constant(),
        churn: flags.faults.churn.unwrap_or(defaults.churn),
        storm: flags.faults.storm(defaults),
        reconnect: flags.faults.reconnect,
        drops: flags.faults.drops.unwrap_or(defaults.drops),
        positions: flags.faults.positions || defaults.positions,
        cohorts: flags.faults.cohorts(defaults, api),
        attacks: scenario.name == "adversarial",
        payload_bytes: flags.size.unwrap_or(defaults.size),
    };
    let is_open = flags.duration.is_none() && plan.stages.are_none();
    if is_open && plan.cohorts.longest() > Duration::ZERO {
        plan.duration = plan.cohorts.at + plan.cohorts.longest() + Duration::from_secs(1);
    }
    if flags.arrivals == Spacing::Poisson {
        // There may be more than on average, and keys can raise the rate.
        let most = plan.publications().saturating_mul(3).saturating_add(1000);
        plan.arrivals = Arrivals::poisson(seed, most.min(MAX_ARRIVALS));
    }
    plan
}

/// The bytes of the longest stamp of a run.
fn least_size(plan: &RunPlan) -> u32 {
    // More than a day.
    let time = 99_999_999_999_999;
    let stamp = Stamp {
        run: plan.run.into(),
        publisher: plan.publishers.into(),
        channel: plan.channels.into(),
        seq: plan.publications(),
        intended_ns: time,
        sent_ns: time,
        offset: 0,
    };
    let mut text = Vec::new();
    stamp::append(&mut text, &stamp, 0);
    text.len() as u32
}

fn check(scenario: &Scenario, flags: &Flags, plan: &RunPlan, workers: u32) -> Result<(), String> {
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
            return Err(format!("{flag} {value} must be between {least} and {most}"));
        }
    }
    let least = least_size(plan);
    if plan.payload_bytes < least {
        return Err(format!(
            "--size {} must be at least {least}: the stamp that identifies a message takes so many bytes",
            plan.payload_bytes
        ));
    }
    if plan.rooms {
        check_rooms(plan, flags.members.is_some() && flags.channels.is_some())?;
    } else if flags.members.is_some() {
        return Err(format!(
            "--members cannot be used with {}, which has no rooms",
            scenario.name
        ));
    }
    if !plan.arrivals.is_even() && plan.publications() > MAX_ARRIVALS / 3 {
        return Err("--arrivals poisson allows for ten million publications".to_owned());
    }
    if plan.publications() == 0 && plan.rate > 0.0 {
        let flags = if plan.stages.are_none() {
            "--rate and --duration are"
        } else {
            "--stages is"
        };
        return Err(format!("{flags} too small for a single publication"));
    }
    Ok(())
}

fn check_rooms(plan: &RunPlan, both: bool) -> Result<(), String> {
    if both {
        return Err(
            "--members and --channels cannot be used together: each determines the other"
                .to_owned(),
        );
    }
    if plan.subs_per_conn != 1 || plan.only_conn.is_some() {
        return Err("--subs-per-conn and --only-conn cannot be used with rooms".to_owned());
    }
    let members = plan.connections / plan.channels;
    if members < plan.publishers.max(2) {
        return Err(format!(
            "rooms of {members} are too small for {} publishing members and a receiver: use fewer rooms or fewer --publishers",
            plan.publishers
        ));
    }
    Ok(())
}

/// The command line that repeats the run, with the name of the scenario and without --seed and --only-conn.
fn command_line(scenario: &str) -> String {
    let mut words = vec!["loadtest".to_owned(), "run".to_owned(), scenario.to_owned()];
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "run").is_some()
        // The scenario or its file.
        && let Some(name) = args.next_if(|arg| !arg.starts_with('-'))
    {
        words[2] = name;
    }
    words.extend(shown(args, &["--seed", "--only-conn"]));
    words.join(" ")
}

/// The command line that repeats the load of a comparison on one hub.
pub(crate) fn hub_command(scenario: &str, target: &str, url: Option<&str>) -> String {
    let hub = ["run", scenario, "--target", target].map(str::to_owned);
    let hub = hub.into_iter().chain(url.map(|url| format!("--url={url}")));
    let flags = std::env::args()
        .skip_while(|arg| arg != "compare")
        .skip(1)
        .skip_while(|arg| !arg.starts_with('-'));
    let own = ["--scenario", "--runs", "--page", "--max-regress", "--seed"];
    let words: Vec<String> = ["loadtest".to_owned()]
        .into_iter()
        .chain(shown(hub, &[]))
        .chain(shown(flags, &own))
        .collect();
    words.join(" ")
}

/// The command line of this process.
pub(crate) fn repeat_command() -> String {
    let words: Vec<String> = ["loadtest".to_owned()]
        .into_iter()
        .chain(shown(std::env::args().skip(1), &[]))
        .collect();
    words.join(" ")
}

/// Arguments as one would type them, without some flags and their values, and without secrets.
fn shown(args: impl Iterator<Item = String>, without: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        let (flag, is_whole) = arg
            .split_once('=')
            .map_or((arg.as_str(), true), |(flag, _)| (flag, false));
        let secret = [("--token", "$TOKEN"), ("--api-key", "$API_KEY")];
        let secret = secret.iter().find(|(name, _)| *name == flag);
        if without.contains(&flag) || secret.is_some() {
            if is_whole {
                args.next();
            }
            if let Some((name, variable)) = secret {
                words.push(format!("{name} \"{variable}\""));
            }
            continue;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%@".contains(c);
        words.push(if arg.chars().all(plain) {
            arg
        } else {
            format!("'{arg}'")
        });
    }
    words
}

/// A run id that differs from those of testers that run at the same time.
fn fresh_run_id() -> u32 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_nanos() as u32).rotate_left(7) ^ std::process::id().rotate_left(16)
}
