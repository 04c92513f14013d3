//! The flags that make trouble: churn, storms and cohorts that misbehave.

use super::scenario::Defaults;
use crate::base::units::{parse_byte_rate, parse_rate, parse_share};
use crate::plan::cohort::{Cohorts, Role};
use crate::plan::storm::Storm;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use std::time::Duration;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DropMode {
    /// A reset.
    Rst,
    /// The end of the stream, without a Close frame.
    Fin,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct FaultFlags {
    /// See [`FaultFlags::soon`].
    #[arg(skip)]
    soon: bool,
    /// Sockets a second that unsubscribe, close and come back (50/s) [default: the scenario's].
    #[arg(long, env = "LOADTEST_CHURN", value_parser = parse_rate)]
    pub(crate) churn: Option<f64>,
    /// When everyone drops, after the first publication [default: the scenario's].
    #[arg(long, env = "LOADTEST_STORM_AT", value_parser = humantime::parse_duration)]
    storm_at: Option<Duration>,
    /// Sockets a second that are dropped without a word, by resets and ends of stream in turn [default: the scenario's].
    #[arg(long, env = "LOADTEST_DROPS", value_parser = parse_rate)]
    pub(crate) drops: Option<f64>,
    /// Who was dropped comes back with its positions and is owed what it missed; the server needs a history for it.
    #[arg(long, env = "LOADTEST_POSITIONS", value_parser = FalseyValueParser::new())]
    pub(crate) positions: bool,
    /// How they drop.
    #[arg(
        long = "drop",
        env = "LOADTEST_DROP",
        value_enum,
        default_value = "rst"
    )]
    mode: DropMode,
    /// How they come back: immediate, or jitter:10s.
    #[arg(long, env = "LOADTEST_RECONNECT", default_value = "immediate", value_parser = parse_reconnect)]
    pub(crate) reconnect: Duration,
    /// Share that reads too slowly (10%).
    #[arg(long, env = "LOADTEST_SLOW", value_parser = parse_share)]
    slow: Option<f64>,
    /// What a slow one reads (0, 1KiB/s).
    #[arg(long, env = "LOADTEST_SLOW_RATE", default_value = "0", value_parser = parse_byte_rate)]
    slow_rate: u32,
    /// Share that answers no ping.
    #[arg(long, env = "LOADTEST_NO_PONG", value_parser = parse_share)]
    no_pong: Option<f64>,
    /// Share that stops reading and writing.
    #[arg(long, env = "LOADTEST_BLACK_HOLE", value_parser = parse_share)]
    black_hole: Option<f64>,
    /// Share that vanishes behind a relay.
    #[arg(long, env = "LOADTEST_HALF_OPEN", value_parser = parse_share)]
    half_open: Option<f64>,
    /// Share that sends half of its opening handshake.
    #[arg(long, env = "LOADTEST_HANDSHAKE_STALL", value_parser = parse_share)]
    handshake_stall: Option<f64>,
    /// Share that answers pings late, but in time.
    #[arg(long, env = "LOADTEST_PONG_LATE", value_parser = parse_share)]
    pong_late: Option<f64>,
    /// When the cohorts turn bad, after the first publication [default: the scenario's].
    #[arg(long, env = "LOADTEST_TURN_AT", value_parser = humantime::parse_duration)]
    turn_at: Option<Duration>,
    /// The --ping-interval of the server.
    #[arg(long, env = "LOADTEST_PING_INTERVAL", default_value = "30s", value_parser = humantime::parse_duration)]
    ping_interval: Duration,
    /// The --pong-timeout of the server.
    #[arg(long, env = "LOADTEST_PONG_TIMEOUT", default_value = "90s", value_parser = humantime::parse_duration)]
    pong_timeout: Duration,
    /// The server's time for an opening handshake.
    #[arg(long, env = "LOADTEST_HANDSHAKE_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    handshake_timeout: Duration,
}

impl FaultFlags {
    /// A ping interval and a pong timeout: how long a dead one may live.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.ping_interval + self.pong_timeout
    }

    /// Trouble begins in the first second, unless a flag says when.
    pub(crate) fn soon(&mut self) {
        self.turn_at.get_or_insert(Duration::from_secs(1));
        // Only a scenario that has a storm takes its time from here.
        self.soon = true;
    }

    /// The storm, if there is one.
    pub(crate) fn storm(&self, defaults: &Defaults) -> Option<Storm> {
        Some(Storm {
            at: self.storm_at.or(defaults.storm_at.map(|at| {
                if self.soon {
                    Duration::from_secs(1)
                } else {
                    at
                }
            }))?,
            reset: matches!(self.mode, DropMode::Rst),
        })
    }

    /// The cohorts: those of the flags, and the scenario's own when no flag names one.
    pub(crate) fn cohorts(&self, defaults: &Defaults) -> Cohorts {
        let flags = [
            (Role::Slow, self.slow),
            (Role::NoPong, self.no_pong),
            (Role::BlackHole, self.black_hole),
            (Role::HalfOpen, self.half_open),
            (Role::HandshakeStall, self.handshake_stall),
            (Role::PongLate, self.pong_late),
        ];
        let mut shares: Vec<(Role, f64)> = flags
            .into_iter()
            .filter_map(|(role, share)| Some((role, share.filter(|share| *share > 0.0)?)))
            .collect();
        if shares.is_empty() {
            shares = defaults.cohorts.to_vec();
        }
        Cohorts {
            shares,
            at: self.turn_at.unwrap_or(defaults.turn_at),
            slow_rate: self.slow_rate,
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            handshake_timeout: self.handshake_timeout,
        }
    }
}

fn parse_reconnect(text: &str) -> Result<Duration, String> {
    match text.strip_prefix("jitter:") {
        None if text == "immediate" => Ok(Duration::ZERO),
        None => Err(format!("`{text}` is neither immediate nor jitter:<time>")),
        Some(time) => humantime::parse_duration(time).map_err(|error| error.to_string()),
    }
}
