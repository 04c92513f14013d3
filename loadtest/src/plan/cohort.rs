//! Cohorts: shares of the sockets that misbehave, and how.

use super::heartbeat::Heartbeat;
use std::time::Duration;

/// How a socket behaves once the faults start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads everything and answers every ping.
    Healthy,
    /// Reads too slowly, or not at all. The server must evict it.
    Slow,
    /// Reads, but does not answer pings.
    NoPong,
    /// Neither reads nor writes, while its socket stays open.
    BlackHole,
    /// Is connected through a relay that stops forwarding, as if the peer had vanished without a FIN.
    HalfOpen,
    /// Sends half of its opening handshake and then nothing.
    HandshakeStall,
    /// Answers each ping late, but within the timeout. The server must not close it.
    PongLate,
}

impl Role {
    /// Whether the server must close such a socket.
    pub(crate) fn must_be_closed(self) -> bool {
        !matches!(self, Self::Healthy | Self::PongLate)
    }

    /// Its name in flags and evidence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::NoPong => "no-pong",
            Self::BlackHole => "black-hole",
            Self::HalfOpen => "half-open",
            Self::HandshakeStall => "handshake-stall",
            Self::PongLate => "pong-late",
        }
    }
}

/// The sockets that misbehave, and the server settings that say when they must be closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cohorts {
    /// The share of all sockets, as a fraction of 1, that has each role.
    pub(crate) shares: Vec<(Role, f64)>,
    /// When the faults start, from the first publication.
    pub(crate) at: Duration,
    /// Bytes per second that a slow socket reads.
    pub(crate) slow_rate: u32,
    pub(crate) heartbeat: Heartbeat,
    /// How long the server waits for an opening handshake.
    pub(crate) handshake_timeout: Duration,
}

/// How much longer than its own timeouts the server may take.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

impl Cohorts {
    /// The role of a socket. The members of a cohort are spread evenly over all sockets; the seed decides which they are.
    pub(crate) fn role(&self, conn: u32, seed: u64) -> Role {
        let turned = conn.wrapping_add(seed as u32).wrapping_mul(0x9E37_79B1);
        let place = f64::from(turned) / (f64::from(u32::MAX) + 1.0);
        let mut end = 0.0;
        for &(role, share) in &self.shares {
            end += share;
            if place < end {
                return role;
            }
        }
        Role::Healthy
    }

    /// The earliest and the latest time, from the start of the faults, at which the server may close such a socket.
    pub(crate) fn window(&self, role: Role) -> (Duration, Duration) {
        match role {
            Role::HandshakeStall => (Duration::ZERO, self.handshake_timeout + GRACE),
            _ => (
                self.heartbeat.ping_interval.min(self.heartbeat.spare()),
                self.heartbeat.longest() + GRACE,
            ),
        }
    }

    /// How late a [`Role::PongLate`] socket answers: half of what the server allows.
    pub(crate) fn pong_delay(&self) -> Duration {
        self.heartbeat.spare() / 2
    }

    /// The time from the start of the faults by which the last of these sockets must be closed.
    pub(crate) fn longest(&self) -> Duration {
        self.shares
            .iter()
            .filter(|(role, _)| role.must_be_closed() && *role != Role::Slow)
            .map(|&(role, _)| self.window(role).1)
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_cohort_its_share() {
        let cohorts = Cohorts {
            shares: vec![(Role::NoPong, 0.05), (Role::HalfOpen, 0.1)],
            ..Cohorts::default()
        };
        for seed in [0, 42, u64::MAX] {
            let count = |role| {
                (0..2000)
                    .filter(|&conn| cohorts.role(conn, seed) == role)
                    .count()
            };
            assert!((97..=103).contains(&count(Role::NoPong)));
            assert!((197..=203).contains(&count(Role::HalfOpen)));
        }
        assert_eq!(Cohorts::default().role(7, 1), Role::Healthy);
    }
}
