//! The flags for faults: churn, drops, storms and cohorts of misbehaving sockets.

use super::scenario::Defaults;
use crate::base::target::Target;
use crate::base::units::{parse_byte_rate, parse_rate, parse_share};
use crate::measure::server_stats::ServerStats;
use crate::plan::cohort::{Cohorts, Role};
use crate::plan::heartbeat::Heartbeat;
use crate::plan::storm::Storm;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use std::time::Duration;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DropMode {
    /// A reset (RST).
    Rst,
    /// The end of the stream (FIN), without a Close frame.
    Fin,
}

/// `None` means that the scenario decides.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct FaultFlags {
    /// Set by [`FaultFlags::soon`].
    #[arg(skip)]
    soon: bool,
    /// Sockets per second that unsubscribe, close and reconnect [default: the scenario's].
    #[arg(long, env = "LOADTEST_CHURN", value_name = "RATE", value_parser = parse_rate)]
    pub(crate) churn: Option<f64>,
    /// When to drop all sockets, from the first publication [default: the scenario's].
    #[arg(long, env = "LOADTEST_STORM_AT", value_name = "TIME", value_parser = humantime::parse_duration)]
    storm_at: Option<Duration>,
    /// How a storm drops sockets.
    #[arg(
        long = "drop",
        env = "LOADTEST_DROP",
        value_enum,
        default_value = "rst"
    )]
    mode: DropMode,
    /// Sockets per second to drop without a Close frame, alternating between RST and FIN [default: the scenario's].
    #[arg(long, env = "LOADTEST_DROPS", value_name = "RATE", value_parser = parse_rate)]
    pub(crate) drops: Option<f64>,
    /// When dropped sockets reconnect: immediate, or jitter:TIME for a random delay up to TIME.
    #[arg(long, env = "LOADTEST_RECONNECT", default_value = "immediate", value_name = "WHEN", value_parser = parse_reconnect)]
    pub(crate) reconnect: Duration,
    /// Dropped sockets resume from their positions, and must receive what they missed; needs a server with history.
    #[arg(long, env = "LOADTEST_POSITIONS", value_parser = FalseyValueParser::new())]
    pub(crate) positions: bool,
    /// Share of sockets that read too slowly, such as 10%; the server must evict them.
    #[arg(long, env = "LOADTEST_SLOW", value_name = "SHARE", value_parser = parse_share)]
    slow: Option<f64>,
    /// How fast a slow socket reads, such as 1KiB/s; 0 for not at all.
    #[arg(long, env = "LOADTEST_SLOW_RATE", default_value = "0", value_name = "RATE", value_parser = parse_byte_rate)]
    slow_rate: u32,
    /// Share of sockets that do not answer pings.
    #[arg(long, env = "LOADTEST_NO_PONG", value_name = "SHARE", value_parser = parse_share)]
    no_pong: Option<f64>,
    /// Share of sockets that stop reading and writing.
    #[arg(long, env = "LOADTEST_BLACK_HOLE", value_name = "SHARE", value_parser = parse_share)]
    black_hole: Option<f64>,
    /// Share of sockets whose peer vanishes without a FIN.
    #[arg(long, env = "LOADTEST_HALF_OPEN", value_name = "SHARE", value_parser = parse_share)]
    half_open: Option<f64>,
    /// Share of sockets that send only half of their opening handshake.
    #[arg(long, env = "LOADTEST_HANDSHAKE_STALL", value_name = "SHARE", value_parser = parse_share)]
    handshake_stall: Option<f64>,
    /// Share of sockets that answer pings late, but within the timeout; the server must keep them.
    #[arg(long, env = "LOADTEST_PONG_LATE", value_name = "SHARE", value_parser = parse_share)]
    pong_late: Option<f64>,
    /// When these shares start to misbehave, from the first publication [default: the scenario's].
    #[arg(long, env = "LOADTEST_TURN_AT", value_name = "TIME", value_parser = humantime::parse_duration)]
    turn_at: Option<Duration>,
    /// The --ping-interval of the server; decides when it must have closed unresponsive sockets [default: what the server
    /// says in /api/stats, or 30s].
    #[arg(long, env = "LOADTEST_PING_INTERVAL", value_name = "TIME", value_parser = humantime::parse_duration)]
    ping_interval: Option<Duration>,
    /// The --pong-timeout of the server; see --ping-interval [default: what the server says, or 90s].
    #[arg(long, env = "LOADTEST_PONG_TIMEOUT", value_name = "TIME", value_parser = humantime::parse_duration)]
    pong_timeout: Option<Duration>,
    /// How long the server waits for an opening handshake.
    #[arg(long, env = "LOADTEST_HANDSHAKE_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    handshake_timeout: Duration,
}

impl FaultFlags {
    /// The heartbeat of the server. `api` is where to ask for what the flags do not say; `None` if the hub is not Wavecast.
    pub(crate) fn heartbeat(&self, api: Option<&Target>) -> Heartbeat {
        let flags = (self.ping_interval, self.pong_timeout);
        let is_known = self.ping_interval.is_some() && self.pong_timeout.is_some();
        let stats = api.filter(|_| !is_known).and_then(ServerStats::fetch);
        let server = stats.map_or((None, None), |own| (own.ping_interval, own.pong_timeout));
        Heartbeat::new(flags, server)
    }

    /// Makes all faults start after one second, unless a flag says when.
    pub(crate) fn soon(&mut self) {
        self.turn_at.get_or_insert(Duration::from_secs(1));
        // The storm only if the scenario has one.
        self.soon = true;
    }

    /// The storm, if there is to be one.
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

    /// The cohorts of the flags, or those of the scenario if no flag names any. For `api`, see
    /// [`heartbeat`](Self::heartbeat).
    pub(crate) fn cohorts(&self, defaults: &Defaults, api: Option<&Target>) -> Cohorts {
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
        // Nobody is asked for what is not needed.
        let needs_heartbeat = shares.iter().any(|(role, _)| *role != Role::Slow);
        let heartbeat = if needs_heartbeat {
            self.heartbeat(api)
        } else {
            Heartbeat::default()
        };
        Cohorts {
            shares,
            heartbeat,
            at: self.turn_at.unwrap_or(defaults.turn_at),
            slow_rate: self.slow_rate,
            handshake_timeout: self.handshake_timeout,
        }
    }
}

fn parse_reconnect(text: &str) -> Result<Duration, String> {
    match text.strip_prefix("jitter:") {
        None if text == "immediate" => Ok(Duration::ZERO),
        None => Err(format!("`{text}` is neither immediate nor jitter:TIME")),
        Some(time) => humantime::parse_duration(time).map_err(|error| error.to_string()),
    }
}
