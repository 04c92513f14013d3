//! Which sockets misbehave, and how.

use std::time::Duration;

/// How a socket behaves once the cohorts have turned bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads everything and answers every ping.
    Healthy,
    /// Reads too slowly, or not at all, and is to be evicted.
    Slow,
    /// Reads, but answers no ping.
    NoPong,
    /// Neither reads nor writes; its socket stays open.
    BlackHole,
    /// Behind a relay that stops forwarding: the client itself goes on.
    HalfOpen,
    /// Sends half of its opening handshake and no more.
    HandshakeStall,
    /// Answers each ping late, but in time: it must not be closed.
    PongLate,
}

impl Role {
    /// Whether the server has to end such a socket.
    pub(crate) fn must_be_closed(self) -> bool {
        !matches!(self, Self::Healthy | Self::PongLate)
    }

    /// Its name in evidence and flags.
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

/// The shares of all sockets that misbehave, and the times they are judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cohorts {
    /// Fractions of 1.
    pub(crate) shares: Vec<(Role, f64)>,
    /// From the first publication to the moment they turn bad.
    pub(crate) at: Duration,
    /// Bytes a second a slow one reads.
    pub(crate) slow_rate: u32,
    /// The server's `--ping-interval`.
    pub(crate) ping_interval: Duration,
    /// The server's `--pong-timeout`.
    pub(crate) pong_timeout: Duration,
    /// The server's time for the opening handshake.
    pub(crate) handshake_timeout: Duration,
}

/// What the server may take beyond its own times.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

impl Cohorts {
    /// The role of a socket. The cohorts are spread evenly over all sockets; another seed chooses others.
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

    /// The earliest and the latest a doomed socket may be closed, after it turned bad.
    pub(crate) fn window(&self, role: Role) -> (Duration, Duration) {
        match role {
            Role::HandshakeStall => (Duration::ZERO, self.handshake_timeout + GRACE),
            _ => (
                self.ping_interval
                    .min(self.pong_timeout.saturating_sub(self.ping_interval)),
                self.ping_interval + self.pong_timeout + GRACE,
            ),
        }
    }

    /// How late a [`Role::PongLate`] answers: half of what is allowed.
    pub(crate) fn pong_delay(&self) -> Duration {
        self.pong_timeout.saturating_sub(self.ping_interval) / 2
    }

    /// How long after they turned bad the last of them has to be closed.
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
