//! The configuration of a start, or what is wrong with it.

use std::process::ExitCode;

use super::print;
use crate::config::{Flags, Loaded, report};
use crate::telemetry;

/// Exit code for a configuration that cannot work.
const WRONG_CONFIGURATION: u8 = 2;

/// Reads flags, variables and file. Warnings are printed; with `strict` they are problems.
/// All problems are printed at once; `Err` is the exit code then.
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
