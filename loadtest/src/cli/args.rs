//! The arguments of the command line.

use super::flags::Flags;
use crate::base::source_ips::SourceIps;
use crate::base::units::parse_count;
use crate::compare::comparison::parse_percent;
use crate::report::outputs::Outputs;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Load tester for WebSocket push systems. Checks that every subscriber gets every event once and in order, and how fast.
///
/// Without a command, runs the smoke scenario: 1,000 sockets, 10 channels, 100 publications per second, 30 seconds.
/// `loadtest list` shows all scenarios.
///
/// Exit codes: 0 all assertions passed, 1 internal error, 2 invalid command line, 3 the machine or the server is not ready,
/// 98 the tester could not keep up, 99 an assertion failed, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    name = "loadtest",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario.
    #[command(args_override_self = true)]
    Run {
        /// Name of a scenario (see `loadtest list`), or path to a scenario file (.toml).
        #[arg(default_value = "smoke")]
        scenario: String,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// List the scenarios and what they assert.
    List,
    /// Measure how many events per second this tester can receive, from a built-in server.
    BenchSelf {
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Check whether this machine is ready for a run, and print the commands that fix it.
    Doctor {
        /// Number of sockets in the run.
        #[arg(short, long, default_value = "1000", value_name = "N", value_parser = parse_count)]
        connections: u32,
        /// Source addresses of the run, as in `loadtest run`.
        #[arg(long, default_value = "auto", value_name = "LIST")]
        source_ips: SourceIps,
    },
    /// Write reports of a stored result.
    Report {
        /// A result written with --json.
        result: PathBuf,
        #[command(flatten)]
        outputs: Box<Outputs>,
    },
    /// Compare two results; exit with 99 if the second is worse.
    Compare {
        /// The result to compare with, written with --json.
        base: PathBuf,
        /// The new result, written with --json.
        new: PathBuf,
        /// How much worse a metric may be.
        #[arg(long, default_value = "10%", value_name = "SHARE", value_parser = parse_percent)]
        max_regress: f64,
    },
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
        let run = cli.find_subcommand("run").expect("the command exists");
        // LOADTEST_TUI=false is the variable for --no-tui.
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
    fn names_its_commands() {
        let cli = Cli::command();
        let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(
            names,
            ["run", "list", "bench-self", "doctor", "report", "compare"]
        );
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
