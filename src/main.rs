//! The `wavecast` binary: arguments in, exit code out.

mod cli;
mod config_file;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(args) => run::run(&args),
        Err(code) => code,
    }
}
