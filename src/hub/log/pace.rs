//! How often the sweeper looks at a topic.

use std::time::Duration;

use tokio::time::Instant;

/// Visits within the time after which something expires.
pub(super) const LOOKS_PER_AGE: u32 = 8;
pub(super) const MIN_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Stands for a time so far away that the clock cannot express it.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The pause between two visits of a topic whose publications expire after `age`. Steady
/// publications expire together, not one by one.
pub(super) fn pause(age: Duration) -> Duration {
    (age / LOOKS_PER_AGE).clamp(MIN_PAUSE, MAX_PAUSE)
}

/// When what began at `since` is older than `age`.
pub(super) fn end_of(since: Instant, age: Duration) -> Instant {
    since.checked_add(age).unwrap_or_else(|| since + FAR)
}
