//! Loading the configuration, and printing its problems.

use std::process::ExitCode;

use super::print;
use crate::config::{Flags, Loaded, report};
use crate::telemetry;

/// Exit code for an invalid configuration.
const WRONG_CONFIGURATION: u8 = 2;

/// Loads the configuration from flags, environment variables and file.
///
/// Prints all warnings, or treats them as problems if `strict`. If there are problems, prints
/// all of them and returns the exit code.
pub(super) fn read(flags: Flags, strict: bool) -> Result<Loaded, ExitCode> {
    let mut loaded = Loaded::load(flags, std::env::vars_os());
    if let Err(message) = telemetry::check(&loaded.config.log) {
        loaded.refuse("log.level", message);
    }
    if strict {
        let warnings = std::mem::take(&mut loaded.warnings);
        loaded.problems.extend(warnings);
    }
    for warning in &loaded.warnings {
        print::err(&format!("warning: {warning}\n"));
    }
    if loaded.problems.is_empty() {
        return Ok(loaded);
    }
    print::err(&report(&loaded.problems));
    Err(ExitCode::from(WRONG_CONFIGURATION))
}
