//! The arguments of the command line.

use super::flags::Flags;
use crate::base::source_ips::SourceIps;
use crate::base::units::parse_count;
use crate::compare::comparison::parse_percent;
use crate::report::outputs::Outputs;
use clap::{Args, Parser, Subcommand};
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
    /// Compare two results, and exit with 99 if the second is worse; or put the same load on several hubs.
    ///
    /// Two results: `loadtest compare base.json new.json`. Several hubs, in turns, with one page about them:
    /// `loadtest compare wavecast@ws://127.0.0.1:3000/ws nats@ws://127.0.0.1:8080/ -c 500 --page page.html`.
    #[command(args_override_self = true)]
    Compare {
        /// Two results written with --json; or hubs, each as TARGET@URL, or TARGET at its default address.
        #[arg(num_args = 2.., required = true)]
        what: Vec<String>,
        /// How much worse a metric of a result may be.
        #[arg(long, default_value = "10%", value_name = "SHARE", value_parser = parse_percent)]
        max_regress: f64,
        #[command(flatten)]
        hub_flags: HubFlags,
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

/// The flags for comparing hubs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Hubs")]
pub(crate) struct HubFlags {
    /// The scenario to run on each hub.
    #[arg(long, default_value = "smoke", value_name = "NAME")]
    pub(crate) scenario: String,
    /// How often to run it on each hub. The hubs take turns.
    #[arg(long, default_value = "3", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// The page to write: .html or .md.
    #[arg(long, default_value = "compare.html", value_name = "FILE")]
    pub(crate) page: PathBuf,
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
    fn shows_every_flag_of_a_run_in_a_group() {
        let cli = Cli::command();
        let run = cli.find_subcommand("run").expect("the command exists");
        let flags = run.get_arguments().filter(|arg| arg.get_long().is_some());
        let mut groups: Vec<&str> = Vec::new();
        for arg in flags.filter(|arg| arg.get_id() != "help") {
            let group = arg.get_help_heading();
            groups.push(group.unwrap_or_else(|| panic!("--{} has no group", arg.get_id())));
        }
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(
            groups,
            [
                "Assertions",
                "Connections",
                "Display",
                "Faults",
                "Identity",
                "Output",
                "Replay",
                "Reports",
                "Target",
                "Traffic"
            ]
        );
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
