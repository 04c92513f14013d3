//! How the null server behaves.

use super::fault::Fault;
use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// What it does wrong.
    pub fault: Fault,
    /// Waits this long before it writes, so that events coalesce; zero writes at once.
    pub coalesce: Duration,
    /// Time between pings; none when zero.
    pub ping_interval: Duration,
    /// Age of the last pong at which a client is closed with 4001; never when zero.
    pub pong_timeout: Duration,
    /// Frames a client may have waiting before it is cut off.
    pub outbox: usize,
    /// Publications that are kept of each channel; none and no positions when zero. With it every event has its offset.
    pub history: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            fault: Fault::None,
            coalesce: Duration::ZERO,
            ping_interval: Duration::ZERO,
            pong_timeout: Duration::ZERO,
            outbox: 100_000,
            history: 0,
        }
    }
}
