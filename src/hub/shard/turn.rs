//! Turns: how long a shard works before it yields to the other tasks of its worker.

use std::time::{Duration, Instant};

/// Long enough for a run to 1,000 members, which is never split: each yield lets publishers add
/// one entry at a time, so that runs get shorter.
const TURN: Duration = Duration::from_millis(5);
/// Sockets written between two looks at the clock.
const WRITES_PER_LOOK: u32 = 64;

/// The work done since the shard last yielded.
#[derive(Debug)]
pub(super) struct Turn {
    started: Instant,
    /// Sockets written.
    pub(super) writes: u32,
    /// `writes` when the clock was last looked at.
    looked_at: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            writes: 0,
            looked_at: 0,
        }
    }
}

impl Turn {
    /// Whether it is time to yield.
    pub(super) fn is_over(&mut self) -> bool {
        if self.writes - self.looked_at < WRITES_PER_LOOK {
            return false;
        }
        self.looked_at = self.writes;
        self.started.elapsed() >= TURN
    }
}
