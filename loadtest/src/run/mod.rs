//! One run, from its options to its exit code.

pub(crate) mod conductor;
pub(crate) mod display;
pub(crate) mod execute;
mod incidents;
mod metrics_server;
pub(crate) mod options;
pub(crate) mod preflight;
mod progress;
mod progress_lines;
pub(crate) mod signals;
mod steering;
