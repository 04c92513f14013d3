//! The command line.

use crate::assertion::Assertion;
use crate::exit::Exit;
use crate::outcome::Brief;
use crate::plan::{Plan, gcd};
use crate::process::ServerPid;
use crate::run::{self, Options};
use crate::scenario::{self, Scenario};
use crate::source_ips::SourceIps;
use crate::target::Target;
use crate::trouble::Trouble;
use crate::units::{parse_count, parse_rate, parse_size};
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
///
/// Without a command it runs the smoke scenario: 1,000 sockets, 10 channels, 100 publications a second, 30 s.
/// Exit codes: 0 pass, 1 internal error, 2 usage, 3 the machine or target is not ready, 98 the tester did not
/// keep up, 99 an assertion failed, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    name = "loadtest",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario.
    #[command(args_override_self = true)]
    Run {
        /// Its name; `loadtest list` shows them all.
        #[arg(default_value = "smoke")]
        scenario: String,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// List the scenarios and what each asserts.
    List,
}

#[derive(Clone, Debug, Args)]
struct Flags {
    /// WebSocket address of the server.
    #[arg(
        short,
        long,
        env = "LOADTEST_URL",
        default_value = "ws://127.0.0.1:3000/ws"
    )]
    url: String,
    /// HTTP address of the server [default: host and port of --url].
    #[arg(long, env = "LOADTEST_API")]
    api: Option<String>,
    /// Sockets to open (500, 10k) [default: 1000].
    #[arg(short, long, env = "LOADTEST_CONNECTIONS", value_parser = parse_count)]
    connections: Option<u32>,
    /// Sockets to open a second.
    #[arg(short = 'R', long, env = "LOADTEST_CONNECT_RATE", default_value = "2k/s", value_parser = parse_rate)]
    connect_rate: f64,
    /// Publications, all channels together (100/s, 60/m) [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_RATE", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Channels; sockets and publications are spread over them evenly [default: the scenario's].
    #[arg(short = 'C', long, env = "LOADTEST_CHANNELS", value_parser = parse_count)]
    channels: Option<u32>,
    /// Channels each socket subscribes to.
    #[arg(long, env = "LOADTEST_SUBS_PER_CONN", default_value = "1", value_parser = parse_count)]
    subs_per_conn: u32,
    /// Size of an event's data; about 100 bytes at least [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_SIZE", value_parser = parse_size)]
    size: Option<u32>,
    /// How long to publish [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Parallel publishers [default: one per 100/s, 32 at most].
    #[arg(short, long, env = "LOADTEST_PUBLISHERS", value_parser = parse_count)]
    publishers: Option<u32>,
    /// Threads that own sockets [default: half the cores].
    #[arg(long, env = "LOADTEST_WORKERS", value_parser = parse_count)]
    workers: Option<u32>,
    /// Source addresses: auto, a list 127.0.0.2,127.0.0.3 or a range 127.0.0.2-127.0.0.9.
    #[arg(long, env = "LOADTEST_SOURCE_IPS", default_value = "auto")]
    source_ips: SourceIps,
    /// Longest time for a socket to connect, upgrade and subscribe.
    #[arg(long, env = "LOADTEST_CONNECT_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    connect_timeout: Duration,
    /// Longest wait for the last deliveries; ends as soon as all books are complete.
    #[arg(long, env = "LOADTEST_DRAIN", default_value = "5s", value_parser = humantime::parse_duration)]
    drain: Duration,
    /// Longest time for the whole run.
    #[arg(long, env = "LOADTEST_LIMIT_TIME", default_value = "15m", value_parser = humantime::parse_duration)]
    limit_time: Duration,
    #[command(flatten)]
    trouble: Trouble,
    /// A condition, such as delivery.p99<250ms or loss.silent==0; repeatable.
    #[arg(long = "assert", value_name = "EXPR")]
    asserts: Vec<Assertion>,
    /// Judge only by --assert.
    #[arg(long)]
    no_default_asserts: bool,
    /// Tell when the tester did not keep up, but do not exit with 98 for it.
    #[arg(long)]
    allow_taint: bool,
    /// The server's process to watch, auto (whoever listens on the target's port), or none [default: auto, if it can be found].
    #[arg(long, env = "LOADTEST_SERVER_PID", value_name = "PID")]
    server_pid: Option<ServerPid>,
    /// Decides every random choice [default: chosen, and printed].
    #[arg(long, env = "LOADTEST_SEED")]
    seed: Option<u64>,
    /// Open only this socket of the run, to replay a failure.
    #[arg(long, value_name = "CONN")]
    only_conn: Option<u32>,
    /// Allow a target that is not this machine.
    #[arg(long)]
    yes: bool,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let (scenario, flags) = match cli.command {
        Some(Command::Run { scenario, flags }) => (scenario, *flags),
        Some(Command::List) => {
            print!("{}", scenario::list());
            return Exit::Pass.into();
        }
        None => ("smoke".to_owned(), cli.flags),
    };
    let scenario = match Scenario::find(&scenario) {
        Ok(scenario) => scenario,
        Err(message) => {
            eprintln!("loadtest: {message}");
            return Exit::Usage.into();
        }
    };
    if let Some(needs) = scenario.needs {
        eprintln!(
            "loadtest: {} needs a server feature: {needs}",
            scenario.name
        );
        return Exit::Setup.into();
    }
    let exit = match options(scenario, flags) {
        Ok(options) => {
            let plan = &options.plan;
            println!(
                "loadtest {}  {}  {} sockets  {} channels  {}/s  {:?}  run {:08x}  seed {}",
                scenario.name,
                options.ws.host,
                plan.sockets(),
                plan.channels,
                plan.rate,
                plan.duration,
                plan.run,
                plan.seed,
            );
            run::run(options)
        }
        Err(message) => {
            eprintln!("loadtest: {message}");
            Exit::Usage
        }
    };
    exit.into()
}

fn options(scenario: &Scenario, flags: Flags) -> Result<Options, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn has_a_consistent_command_line() {
        Cli::command().debug_assert();
    }

    #[test]
    fn accepts_flags_with_and_without_the_command() {
        for line in [
            "loadtest -c 10k -r 2k/s -d 10s",
            "loadtest run smoke -c 10k -r 2k/s -d 10s",
            "loadtest run -c 10k -r 2k/s -d 10s",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            let flags = match cli.command {
                Some(Command::Run { flags, .. }) => *flags,
                _ => cli.flags,
            };
            assert_eq!(flags.connections, Some(10_000));
            assert_eq!(flags.duration, Some(Duration::from_secs(10)));
        }
    }
}
