//! The command line.

use super::flags::Flags;
use crate::base::source_ips::SourceIps;
use crate::base::units::parse_count;
use crate::compare::comparison::parse_percent;
use crate::report::outputs::Outputs;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
    TallyReport {
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
        #[arg(long, default_value = "10%", value_parser = parse_percent)]
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
