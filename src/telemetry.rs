//! Logs.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, as `filter` says (`info`, `wavecast=debug`, …).
/// An application that has its own subscriber keeps it.
pub(crate) fn init(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // Fails only when somebody else's subscriber is there already.
    let _ = subscriber.try_init();
    Ok(())
}
