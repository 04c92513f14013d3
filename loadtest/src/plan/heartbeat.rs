//! The heartbeat of the server, and how the tester knows it.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// When a server pings, and when it closes a client that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// Its `--ping-interval`.
    pub(crate) ping_interval: Duration,
    /// Its `--pong-timeout`.
    pub(crate) pong_timeout: Duration,
    pub(crate) source: HeartbeatSource,
}

/// How a heartbeat is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartbeatSource {
    /// From flags.
    Flags,
    /// The server says so.
    Server,
    /// Neither: these are the defaults of Wavecast.
    Defaults,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(90),
            source: HeartbeatSource::Defaults,
        }
    }
}

impl Heartbeat {
    /// What the flags say. What they do not say, the server says; what neither says is as by default.
    pub(crate) fn new(
        flags: (Option<Duration>, Option<Duration>),
        server: (Option<Duration>, Option<Duration>),
    ) -> Self {
        let defaults = Self::default();
        let source = match (flags, server) {
            ((Some(_), Some(_)), _) => HeartbeatSource::Flags,
            (_, (Some(_), Some(_))) => HeartbeatSource::Server,
            _ => HeartbeatSource::Defaults,
        };
        Self {
            ping_interval: flags.0.or(server.0).unwrap_or(defaults.ping_interval),
            pong_timeout: flags.1.or(server.1).unwrap_or(defaults.pong_timeout),
            source,
        }
    }

    /// How long the server may keep an unresponsive socket.
    pub(crate) fn longest(&self) -> Duration {
        self.ping_interval + self.pong_timeout
    }

    /// How much later than the next ping a pong may come.
    pub(crate) fn spare(&self) -> Duration {
        self.pong_timeout.saturating_sub(self.ping_interval)
    }
}

impl Display for Heartbeat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (interval, timeout) = (self.ping_interval, self.pong_timeout);
        match self.source {
            HeartbeatSource::Flags => write!(
                f,
                "expects a server with --ping-interval {interval:?} --pong-timeout {timeout:?}, as the flags say"
            ),
            HeartbeatSource::Server => write!(
                f,
                "the server has --ping-interval {interval:?} --pong-timeout {timeout:?}"
            ),
            HeartbeatSource::Defaults => write!(
                f,
                "the server does not tell its heartbeat: assumes --ping-interval {interval:?} --pong-timeout {timeout:?} (give both to loadtest if they differ)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn believes_flags_first_then_the_server_then_the_defaults() {
        let ms = |n| Some(Duration::from_millis(n));
        for (flags, server, expected, source) in [
            (
                (ms(1), ms(2)),
                (ms(3), ms(4)),
                (ms(1), ms(2)),
                HeartbeatSource::Flags,
            ),
            (
                (ms(1), None),
                (ms(3), ms(4)),
                (ms(1), ms(4)),
                HeartbeatSource::Server,
            ),
            (
                (None, None),
                (ms(3), ms(4)),
                (ms(3), ms(4)),
                HeartbeatSource::Server,
            ),
            (
                (None, ms(2)),
                (None, None),
                (ms(30_000), ms(2)),
                HeartbeatSource::Defaults,
            ),
            (
                (None, None),
                (None, None),
                (ms(30_000), ms(90_000)),
                HeartbeatSource::Defaults,
            ),
        ] {
            let known = Heartbeat::new(flags, server);
            let found = (Some(known.ping_interval), Some(known.pong_timeout));
            assert_eq!(
                (found, known.source),
                (expected, source),
                "{flags:?} {server:?}"
            );
        }
    }
}
