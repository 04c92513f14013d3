//! Logs.

mod log_lines;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use self::log_lines::LogLines;

/// Writes what was logged when it is dropped, as the process ends.
#[derive(Debug)]
pub(crate) struct Logs(LogLines);

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Checks that `filter` is a valid log filter.
pub(crate) fn check(filter: &str) -> Result<(), String> {
    parse(filter).map(drop)
}

/// Starts logging to standard error, filtered by `filter` (`info`, `wavecast=debug`, …). Keep what it
/// returns until the process ends.
/// An application that has its own subscriber keeps it.
pub(crate) fn init(filter: &str) -> Result<Logs, String> {
    let filter = parse(filter)?;
    let lines = LogLines::start(io::stderr()).map_err(|error| format!("cannot log: {error}"))?;
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(move || writer.clone())
        // Internal errors are printed to standard error, which panics where that is closed.
        .log_internal_errors(false);
    // Fails only if there is a subscriber already.
    let _ = subscriber.try_init();
    Ok(Logs(lines))
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| format!("{filter:?} is not a log filter: {error}"))
}
