//! The command line.

use crate::exit::Exit;
use crate::flags::Flags;
use crate::report::Outputs;
use crate::scenario::{self, Scenario};
use crate::scenario_file;
use crate::source_ips::SourceIps;
use crate::units::parse_count;
use crate::{bench_self, compare, doctor, find_max, report, run, setup, verify};
use clap::{Parser, Subcommand};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

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
        /// Its name (`loadtest list` shows them all), or a .toml file with `scenario = "NAME"` and flags.
        #[arg(default_value = "smoke")]
        scenario: String,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// List the scenarios and what each asserts.
    List,
    /// Measure this tester's own ceiling against a server that does nothing else.
    BenchSelf {
        #[command(flatten)]
        flags: Box<Flags>,
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
        outputs: Box<Outputs>,
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

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let cli = match scenario_file::expand(args) {
        Ok(args) => Cli::parse_from(args),
        Err(message) => {
            eprintln!("loadtest: {message}");
            return Exit::Usage.into();
        }
    };
    let outcome = match cli.command {
        Some(Command::Run { scenario, flags }) => run_scenario(&scenario, *flags),
        Some(Command::List) => {
            print!("{}", scenario::list());
            Ok(Exit::Pass)
        }
        Some(Command::BenchSelf { flags }) => bench_self::run(&flags),
        Some(Command::Doctor {
            connections,
            source_ips,
        }) => {
            let ips = source_ips.for_run(connections, Ipv4Addr::LOCALHOST.into());
            Ok(doctor::run(connections, ips.len()))
        }
        Some(Command::Report { result, outputs }) => Ok(report::rerender(&result, &outputs)),
        Some(Command::Compare {
            base,
            new,
            max_regress,
        }) => Ok(compare::run(&base, &new, max_regress)),
        None => run_scenario("smoke", cli.flags),
    };
    let exit = outcome.unwrap_or_else(|message| {
        eprintln!("loadtest: {message}");
        Exit::Usage
    });
    exit.into()
}

fn run_scenario(name: &str, flags: Flags) -> Result<Exit, String> {
    let scenario = Scenario::find(name)?;
    if let Some(needs) = scenario.needs {
        eprintln!("loadtest: {name} needs a server feature: {needs}");
        return Ok(Exit::Setup);
    }
    flags.outputs.check().map_err(|error| error.to_string())?;
    if flags.outputs.any() && matches!(name, "verify" | "find-max") {
        return Err(format!("{name} is several runs; files are written for one"));
    }
    let outputs = flags.outputs.clone();
    match name {
        "verify" => verify::run(&flags),
        "find-max" => find_max::run(scenario, &flags),
        _ => Ok(run::run(setup::options(scenario, flags)?, &outputs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::time::Duration;

    #[test]
    fn has_a_consistent_command_line() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_every_flag_of_a_run_from_the_environment_too() {
        let cli = Cli::command();
        let run = cli.find_subcommand("run").expect("it exists");
        // Without --tui, LOADTEST_TUI=false says the same.
        let flags = run.get_arguments().filter_map(|arg| {
            let long = arg.get_long()?;
            (!matches!(long, "help" | "no-tui")).then_some((arg, long))
        });
        for (arg, long) in flags {
            let name = format!("LOADTEST_{}", long.replace('-', "_").to_uppercase());
            let env = arg.get_env().and_then(|env| env.to_str());
            assert_eq!(env, Some(name.as_str()), "--{long}");
        }
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
