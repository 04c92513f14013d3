//! How much of a topic's history is kept.

use std::time::Duration;

/// Limits of one topic's history. When any of them is exceeded, the oldest publications are
/// dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Maximum number of publications. Default: 100.
    pub max_messages: usize,
    /// Maximum size of the publications as clients receive them, in bytes. Default: 1 MiB.
    pub max_bytes: usize,
    /// Maximum age of a publication. Default: 10 min.
    pub max_age: Duration,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            max_messages: 100,
            max_bytes: 1024 * 1024,
            max_age: Duration::from_secs(600),
        }
    }
}
