//! The entry point of the binary: parses the arguments and runs the command that they name.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::command_line::{self, Action};
use super::{config_check, config_init, key_new, print, serve, token_check};
use crate::config::report;

/// Exit code for a usage error.
const WRONG_USE: u8 = 2;

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let action = match command_line::read(arguments.clone()) {
        Ok(action) => action,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // Fails only if standard output is closed.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            _ => {
                print::err(&command_line::wrong_use(&error, &arguments));
                return ExitCode::from(WRONG_USE);
            }
        },
    };
    match action {
        Action::Serve(flags) => serve::run(flags),
        Action::CheckConfig { flags, strict } => config_check::run(flags, strict),
        Action::InitConfig { problems } if problems.is_empty() => config_init::run(),
        Action::NewKey { request, problems } if problems.is_empty() => key_new::run(&request),
        Action::NewKey { problems, .. } => {
            for problem in problems {
                print::err(&format!("error: {problem}\n"));
            }
            ExitCode::from(WRONG_USE)
        }
        Action::CheckToken { flags } => token_check::run(flags),
        Action::NewToken { token, problems } if problems.is_empty() => token.run(),
        Action::InitConfig { problems } | Action::NewToken { problems, .. } => {
            print::err(&report(&problems));
            ExitCode::from(WRONG_USE)
        }
    }
}
