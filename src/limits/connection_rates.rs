//! The rates of one connection.

use std::time::{Duration, Instant};

use super::bucket::Meter;
use super::rate_limit::RateLimit;

/// How fast one client may send. Default: as fast as it likes; its own commands then only push back on
/// its reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionRates {
    /// Commands, refused ones included. One beyond it is refused with `rate_limited`. The burst should
    /// hold a whole resubscription: 1000 commands in one message.
    pub commands: Option<RateLimit>,
    /// Bytes of messages. The commands of a message beyond it are refused with `rate_limited`. The
    /// burst should hold the largest message.
    pub bytes: Option<RateLimit>,
    /// Pings and pongs. One beyond it closes the connection (1008).
    pub control_frames: Option<RateLimit>,
    /// Commands that ask for presence. One beyond it is refused with `rate_limited`.
    pub presence_updates: Option<RateLimit>,
}

/// The rates in force.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionMeters {
    start: Instant,
    /// Of commands.
    pub commands: Option<Meter>,
    /// Of bytes.
    pub bytes: Option<Meter>,
    /// Of pings and pongs.
    pub control_frames: Option<Meter>,
    /// Of commands that ask for presence.
    pub presence_updates: Option<Meter>,
}

impl ConnectionMeters {
    /// Enforces the rates from `start` on; `None` if there are none.
    pub fn new(rates: &ConnectionRates, start: Instant) -> Option<Self> {
        let meter = |limit: Option<RateLimit>| limit.map(|limit| Meter::new(limit, start));
        (*rates != ConnectionRates::default()).then(|| Self {
            start,
            commands: meter(rates.commands),
            bytes: meter(rates.bytes),
            control_frames: meter(rates.control_frames),
            presence_updates: meter(rates.presence_updates),
        })
    }

    /// The time since the start.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }
}
