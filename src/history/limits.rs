//! How much of a topic's past is kept.

use std::time::Duration;

/// Bounds of one history; whichever is reached first drops the oldest publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Publications. Default 1000.
    pub max_messages: usize,
    /// Bytes of the publications as clients get them. Default 1 MiB.
    pub max_bytes: usize,
    /// Age of a publication. Default 10 min.
    pub max_age: Duration,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            max_messages: 1000,
            max_bytes: 1024 * 1024,
            max_age: Duration::from_secs(600),
        }
    }
}
