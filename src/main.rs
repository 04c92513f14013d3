//! The `wavecast` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    wavecast::cli::main()
}
