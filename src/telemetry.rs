//! Logs.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Checks that `filter` is a valid log filter.
pub(crate) fn check(filter: &str) -> Result<(), String> {
    parse(filter).map(drop)
}

/// Starts logging to standard error, filtered by `filter` (`info`, `wavecast=debug`, …).
/// An application that has its own subscriber keeps it.
pub(crate) fn init(filter: &str) -> Result<(), String> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // Internal errors are printed to standard error, which panics where that is closed.
        .log_internal_errors(false);
    // Fails only if there is a subscriber already.
    let _ = subscriber.try_init();
    Ok(())
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| format!("{filter:?} is not a log filter: {error}"))
}
