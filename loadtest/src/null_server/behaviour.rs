//! How the null server behaves.

use super::fault::Fault;
use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// What the server does wrong.
    pub fault: Fault,
    /// What it does wrong as well. Only faults in publishing and delivering can be combined.
    pub more_faults: &'static [Fault],
    /// How long to wait before each write, so that events coalesce. Zero writes at once.
    pub coalesce: Duration,
    /// Time between pings; zero for no pings.
    pub ping_interval: Duration,
    /// Close a client (4001) whose last pong is older than this; zero for never.
    pub pong_timeout: Duration,
    /// Whether its statistics tell these two.
    pub tells_heartbeat: bool,
    /// Number of frames that may wait for a client before it is evicted.
    pub outbox: usize,
    /// Number of publications to keep per channel. If it is not zero, events have offsets and subscriptions can be resumed.
    pub history: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            fault: Fault::None,
            more_faults: &[],
            coalesce: Duration::ZERO,
            ping_interval: Duration::ZERO,
            pong_timeout: Duration::ZERO,
            tells_heartbeat: false,
            outbox: 100_000,
            history: 0,
        }
    }
}

impl Behaviour {
    /// All faults.
    pub(super) fn faults(&self) -> impl Iterator<Item = Fault> + use<> {
        [self.fault]
            .into_iter()
            .chain(self.more_faults.iter().copied())
    }
}
