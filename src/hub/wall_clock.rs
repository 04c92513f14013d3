//! Times that outlive the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The two clocks at one moment: one that this process measures ages with, and one that other
/// processes share.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    now: Instant,
    /// Milliseconds since 1970.
    wall: u64,
}

impl WallClock {
    /// This moment.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            now: Instant::now(),
            wall: since.unwrap_or_default().as_millis() as u64,
        }
    }

    /// The milliseconds since 1970 at a moment in the past.
    pub fn to_wall(self, at: Instant) -> u64 {
        let age = self.now.saturating_duration_since(at);
        self.wall.saturating_sub(age.as_millis() as u64)
    }

    /// How long ago that was. No time, if the clock was set back since.
    pub fn age(self, wall: u64) -> Duration {
        Duration::from_millis(self.wall.saturating_sub(wall))
    }

    /// The moment that is this long ago, or now if the clock of this process does not reach back
    /// that far.
    pub fn before(self, age: Duration) -> Instant {
        self.now.checked_sub(age).unwrap_or(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_on_both_clocks() {
        let clock = WallClock::now();
        let age = Duration::from_millis(1_500);
        let at = clock.now - age;
        assert_eq!(clock.to_wall(at), clock.wall - 1_500);
        assert_eq!(clock.age(clock.to_wall(at)), age);
        assert_eq!(clock.before(age), at);
        assert_eq!(clock.age(clock.wall + 5_000), Duration::ZERO);
        assert_eq!(clock.before(Duration::MAX), clock.now);
    }
}
