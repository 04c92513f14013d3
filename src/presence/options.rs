//! How a topic keeps presence.

use std::time::Duration;

/// How a room or channel keeps track of who is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceOptions {
    /// How long a user stays listed after its last connection has gone. One that comes back in
    /// time was never away. At most `max_listed` users linger, or 100 if that is more; then the first
    /// are gone earlier. Default 5 s; zero lists nobody who has gone.
    pub linger: Duration,
    /// The shortest time between two announcements. The first change is announced at once, what
    /// follows within this time together. Default 500 ms; zero announces each change.
    pub interval: Duration,
    /// The largest number of users that is listed. Above it, numbers alone are announced; at half
    /// of it, the users are listed again. Default 500; with 0, users are never listed.
    pub max_listed: usize,
}

impl Default for PresenceOptions {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(5),
            interval: Duration::from_millis(500),
            max_listed: 500,
        }
    }
}
