//! The command line.

use crate::exit::Exit;
use crate::plan::{Plan, gcd};
use crate::report::Outputs;
use crate::run::{self, Options};
use crate::source_ips::SourceIps;
use crate::target::Target;
use crate::units::{parse_count, parse_rate, parse_size};
use crate::{compare, doctor, report};
use clap::{Args, Parser, Subcommand};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
///
/// Without a command it runs the smoke scenario: 1,000 sockets, 10 channels, 100 publications a second, 30 s.
/// Exit codes: 0 pass, 1 a check failed, 2 usage, 3 the machine or target is not ready, 130 interrupted.
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
        /// Its name.
        #[arg(value_parser = ["smoke"], default_value = "smoke")]
        scenario: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Look whether this machine can carry a run, and how to mend it where it cannot.
    Doctor {
        /// Sockets of the run.
        #[arg(short, long, default_value = "1000", value_parser = parse_count)]
        connections: u32,
        /// Source addresses of the run, as for `run`.
        #[arg(long, default_value = "auto")]
        source_ips: SourceIps,
    },
    /// Render the files of a run again from its JSON.
    Report {
        /// Written with --json.
        result: PathBuf,
        #[command(flatten)]
        outputs: Outputs,
    },
    /// Compare two runs; exit code 99 when the second is worse.
    Compare {
        /// Written with --json.
        base: PathBuf,
        /// Likewise.
        new: PathBuf,
        /// How much worse a figure may be.
        #[arg(long, default_value = "10%", value_parser = compare::parse_percent)]
        max_regress: f64,
    },
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
    /// Sockets to open (500, 10k).
    #[arg(short, long, env = "LOADTEST_CONNECTIONS", default_value = "1000", value_parser = parse_count)]
    connections: u32,
    /// Sockets to open a second.
    #[arg(short = 'R', long, env = "LOADTEST_CONNECT_RATE", default_value = "2k/s", value_parser = parse_rate)]
    connect_rate: f64,
    /// Publications, all channels together (100/s, 60/m).
    #[arg(short, long, env = "LOADTEST_RATE", default_value = "100/s", value_parser = parse_rate)]
    rate: f64,
    /// Channels; sockets and publications are spread over them evenly.
    #[arg(short = 'C', long, env = "LOADTEST_CHANNELS", default_value = "10", value_parser = parse_count)]
    channels: u32,
    /// Channels each socket subscribes to.
    #[arg(long, env = "LOADTEST_SUBS_PER_CONN", default_value = "1", value_parser = parse_count)]
    subs_per_conn: u32,
    /// Size of an event's data; about 100 bytes at least.
    #[arg(short, long, env = "LOADTEST_SIZE", default_value = "256B", value_parser = parse_size)]
    size: u32,
    /// How long to publish.
    #[arg(short, long, env = "LOADTEST_DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    duration: Duration,
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
    /// Allow a target that is not this machine.
    #[arg(long)]
    yes: bool,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let (scenario, flags) = match cli.command {
        Some(Command::Run { scenario, flags }) => (scenario, flags),
        Some(Command::Doctor {
            connections,
            source_ips,
        }) => {
            let ips = source_ips.for_run(connections, Ipv4Addr::LOCALHOST.into());
            return doctor::run(connections, ips.len()).into();
        }
        Some(Command::Report { result, outputs }) => {
            return report::rerender(&result, &outputs).into();
        }
        Some(Command::Compare {
            base,
            new,
            max_regress,
        }) => return compare::run(&base, &new, max_regress).into(),
        None => ("smoke".to_owned(), cli.flags),
    };
    let exit = match options(flags) {
        Ok(options) => {
            let plan = &options.plan;
            println!(
                "loadtest {scenario}  {}  {} sockets  {} channels  {}/s  {:?}  run {:08x}",
                options.ws.host,
                plan.connections,
                plan.channels,
                plan.rate,
                plan.duration,
                plan.run
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

fn options(flags: Flags) -> Result<Options, String> {
    let ws = Target::resolve(&flags.url, "ws")?;
    let api = flags.api.unwrap_or_else(|| format!("http://{}", ws.host));
    let api = Target::resolve(&api, "http")?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32;
    let workers = flags.workers.unwrap_or((cores / 2).max(1));
    let publishers = flags
        .publishers
        .unwrap_or_else(|| Plan::publishers_for(flags.rate, flags.channels.max(1)));
    let plan = Plan {
        run: fresh_run_id(),
        connections: flags.connections,
        connect_rate: flags.connect_rate,
        channels: flags.channels,
        subs_per_conn: flags.subs_per_conn,
        publishers,
        common: gcd(flags.channels, publishers).max(1),
        rate: flags.rate,
        duration: flags.duration,
        payload_bytes: flags.size,
    };
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
    ];
    for (flag, value, least, most) in limits {
        if value < least || value > most {
            return Err(format!("{flag} {value} must be {least} to {most}"));
        }
    }
    if plan.publications() == 0 {
        return Err("--rate times --duration gives no publication at all".to_owned());
    }
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
    })
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
                Some(Command::Run { flags, .. }) => flags,
                _ => cli.flags,
            };
            assert_eq!((flags.connections, flags.duration.as_secs()), (10_000, 10));
        }
    }
}
