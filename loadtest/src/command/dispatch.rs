//! Parses the command line and runs the subcommand.

use super::{bench_self, compare, compare_hubs, doctor, find_max, scenes, verify};
use crate::base::exit::Exit;
use crate::base::print;
use crate::cli::args::{Cli, Command};
use crate::cli::flags::Flags;
use crate::cli::scenario::{self, Scenario};
use crate::cli::{scenario_file, setup};
use crate::report::stored;
use crate::run::execute;
use clap::Parser;
use std::net::Ipv4Addr;
use std::process::ExitCode;

/// Runs the program.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let cli = match scenario_file::expand(args) {
        Ok(args) => Cli::parse_from(args),
        Err(message) => {
            print::err_line(&format!("loadtest: {message}"));
            return Exit::Usage.into();
        }
    };
    let outcome = match cli.command {
        Some(Command::Run { scenario, flags }) => run_scenario(&scenario, *flags),
        Some(Command::List) => {
            print::out(&scenario::list());
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
        Some(Command::Report { result, outputs }) => Ok(stored::rerender(&result, &outputs)),
        Some(Command::Compare {
            what,
            max_regress,
            hub_flags,
            flags,
        }) => match what.as_slice() {
            [base, new] if is_result(base) && is_result(new) => {
                Ok(compare::run(base.as_ref(), new.as_ref(), max_regress))
            }
            hubs => compare_hubs::run(hubs, &hub_flags, &flags),
        },
        None => run_scenario("smoke", cli.flags),
    };
    let exit = outcome.unwrap_or_else(|message| {
        print::err_line(&format!("loadtest: {message}"));
        Exit::Usage
    });
    if exit == Exit::Pass && print::has_failed() {
        return Exit::Setup.into();
    }
    exit.into()
}

/// Whether an argument of `compare` is a result, and not a hub.
fn is_result(argument: &str) -> bool {
    argument.to_ascii_lowercase().ends_with(".json")
}

fn run_scenario(name: &str, flags: Flags) -> Result<Exit, String> {
    let scenario = Scenario::find(name)?;
    if let Some(needs) = scenario.needs {
        print::err_line(&format!("loadtest: {name} needs a server feature: {needs}"));
        return Ok(Exit::Setup);
    }
    flags.outputs.check().map_err(|error| error.to_string())?;
    if flags.outputs.any() && matches!(name, "verify" | "find-max") {
        return Err(format!(
            "{name} consists of several runs, and reports can only be written of one"
        ));
    }
    if flags.stages.is_some() && matches!(name, "verify" | "find-max") {
        return Err(format!(
            "--stages cannot be used with {name}, which sets sockets and rates itself"
        ));
    }
    let outputs = flags.outputs.clone();
    match name {
        "verify" => verify::run(&flags),
        "find-max" => find_max::run(scenario, &flags),
        "auth" | "presence" => scenes::run(scenario, &flags),
        _ => Ok(execute::run(setup::options(scenario, flags)?, &outputs)),
    }
}
