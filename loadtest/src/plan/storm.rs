//! A storm: every healthy connection is dropped at once.

use std::time::Duration;

/// When a storm happens, and how connections are dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// Time from the first publication.
    pub(crate) at: Duration,
    /// Drops with a reset (RST) instead of an end of stream (FIN).
    pub(crate) reset: bool,
}
