//! The flags of a run, without those for faults, display and reports.

use super::fault_flags::FaultFlags;
use super::identity_flags::IdentityFlags;
use super::stages_flag::parse_stages;
use crate::base::source_ips::SourceIps;
use crate::base::units::{parse_count, parse_rate, parse_size};
use crate::measure::server_pid::ServerPid;
use crate::plan::popularity::Popularity;
use crate::plan::stages::Stages;
use crate::report::outputs::Outputs;
use crate::run::display::DisplayFlags;
use crate::verdict::assertion::Assertion;
use crate::wire::frame_reader::ReaderEngine;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The flags of `loadtest run`. `None` means that the scenario decides.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct Flags {
    /// WebSocket URL of the server [default: the target's; for wavecast `ws://127.0.0.1:3000/ws`].
    #[arg(short, long, env = "LOADTEST_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// What the server is: wavecast, the name of a preset (see `loadtest list`), or a file with a [target] table.
    #[arg(
        long,
        env = "LOADTEST_TARGET",
        default_value = "wavecast",
        value_name = "NAME|FILE"
    )]
    pub(crate) target: String,
    /// Header of every request, such as `Origin: https://example.com`; may be repeated.
    #[arg(long = "header", env = "LOADTEST_HEADER", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Sent as a bearer token, or where the target file says.
    #[arg(long, env = "LOADTEST_TOKEN", value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// HTTP URL of the server [default: the host and port of --url].
    #[arg(long, env = "LOADTEST_API", value_name = "URL")]
    pub(crate) api: Option<String>,
    /// PEM file with the certificates to trust for wss:// and https:// [default: those of the system].
    #[arg(long, env = "LOADTEST_TLS_CA", value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Allow a target other than this machine.
    #[arg(long, env = "LOADTEST_YES", value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,
    /// Server process to watch: its id, auto (whichever process listens on the port of --url), or none [default: auto, if
    /// that finds one].
    #[arg(long, env = "LOADTEST_SERVER_PID", value_name = "PID")]
    pub(crate) server_pid: Option<ServerPid>,
    /// Number of sockets to open, such as 500 or 10k [default: the scenario's].
    #[arg(help_heading = "Connections", short, long, env = "LOADTEST_CONNECTIONS", value_name = "N", value_parser = parse_count)]
    pub(crate) connections: Option<u32>,
    /// Sockets to open per second.
    #[arg(help_heading = "Connections", short = 'R', long, env = "LOADTEST_CONNECT_RATE", default_value = "2k/s", value_name = "RATE", value_parser = parse_rate)]
    pub(crate) connect_rate: f64,
    /// How long a socket may take to connect, upgrade and subscribe.
    #[arg(help_heading = "Connections", long, env = "LOADTEST_CONNECT_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) connect_timeout: Duration,
    /// Source addresses: auto, a list such as 127.0.0.2,127.0.0.3, or a range such as 127.0.0.2-127.0.0.9.
    #[arg(
        help_heading = "Connections",
        long,
        env = "LOADTEST_SOURCE_IPS",
        value_name = "LIST",
        default_value = "auto"
    )]
    pub(crate) source_ips: SourceIps,
    /// Threads that own the sockets [default: half the cores].
    #[arg(help_heading = "Connections", long, env = "LOADTEST_WORKERS", value_name = "N", value_parser = parse_count)]
    pub(crate) workers: Option<u32>,
    /// What decodes frames.
    #[arg(
        help_heading = "Connections",
        long,
        env = "LOADTEST_ENGINE",
        value_enum,
        default_value = "lean"
    )]
    pub(crate) engine: ReaderEngine,
    /// Publications per second over all channels, such as 100/s or 60/m [default: the scenario's].
    #[arg(help_heading = "Traffic", short, long, env = "LOADTEST_RATE", value_name = "RATE", value_parser = parse_rate)]
    pub(crate) rate: Option<f64>,
    /// How publications are spaced: evenly, or at random (a Poisson process), as independent users would publish.
    #[arg(
        help_heading = "Traffic",
        long,
        env = "LOADTEST_ARRIVALS",
        value_enum,
        default_value = "constant"
    )]
    pub(crate) arrivals: Spacing,
    /// Number of channels, over which sockets are spread evenly [default: the scenario's].
    #[arg(help_heading = "Traffic", short = 'C', long, env = "LOADTEST_CHANNELS", value_name = "N", value_parser = parse_count)]
    pub(crate) channels: Option<u32>,
    /// Subscriptions per socket.
    #[arg(help_heading = "Traffic", long, env = "LOADTEST_SUBS_PER_CONN", default_value = "1", value_name = "N", value_parser = parse_count)]
    pub(crate) subs_per_conn: u32,
    /// Members per room, in scenarios with rooms; or give the number of rooms with --channels [default: the scenario's].
    #[arg(help_heading = "Traffic", long, env = "LOADTEST_MEMBERS", value_name = "N", value_parser = parse_count)]
    pub(crate) members: Option<u32>,
    /// How publications are spread over channels or rooms: even, or zipf:EXPONENT [default: the scenario's].
    #[arg(
        help_heading = "Traffic",
        long,
        env = "LOADTEST_POPULARITY",
        value_name = "HOW"
    )]
    pub(crate) popularity: Option<Popularity>,
    /// Payload size, such as 256B or 4KiB; at least about 100 bytes [default: the scenario's].
    #[arg(help_heading = "Traffic", short, long, env = "LOADTEST_SIZE", value_name = "SIZE", value_parser = parse_size)]
    pub(crate) size: Option<u32>,
    /// Parallel publishers [default: one per 100/s, at most 32]; with rooms, publishing members per room [default: 2].
    #[arg(help_heading = "Traffic", short, long, env = "LOADTEST_PUBLISHERS", value_name = "N", value_parser = parse_count)]
    pub(crate) publishers: Option<u32>,
    /// How long to publish, such as 30s or 5m [default: the scenario's].
    #[arg(help_heading = "Traffic", short, long, env = "LOADTEST_DURATION", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Change sockets and rate in stages, each TARGET@TIME: 1k@30s,10k@2m moves evenly to 1,000 sockets in 30 s, then to
    /// 10,000 in 2 minutes; 500/s@1m sets the rate, 1k+500/s@1m both. The first stage starts from none. Instead of
    /// --duration, and of --connections or --rate.
    #[arg(help_heading = "Traffic", long, env = "LOADTEST_STAGES", value_name = "STAGES", value_parser = parse_stages)]
    pub(crate) stages: Option<Stages>,
    /// How long to wait for the last deliveries; ends early once all have arrived.
    #[arg(help_heading = "Traffic", long, env = "LOADTEST_DRAIN", default_value = "5s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) drain: Duration,
    /// Time limit of the whole run.
    #[arg(help_heading = "Traffic", long, env = "LOADTEST_LIMIT_TIME", default_value = "30m", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) limit_time: Duration,
    /// Assert this too, such as delivery.p99<250ms or loss.silent==0; may be repeated, or separated by commas.
    #[arg(
        help_heading = "Assertions",
        long = "assert",
        env = "LOADTEST_ASSERT",
        value_name = "EXPR",
        value_delimiter = ','
    )]
    pub(crate) asserts: Vec<Assertion>,
    /// Check only the assertions given with --assert.
    #[arg(help_heading = "Assertions", long, env = "LOADTEST_NO_DEFAULT_ASSERTS", value_parser = FalseyValueParser::new())]
    pub(crate) no_default_asserts: bool,
    /// The assertion that find-max searches the highest rate for.
    #[arg(
        help_heading = "Assertions",
        long,
        env = "LOADTEST_SLO",
        value_name = "EXPR",
        default_value = "delivery.p99<50ms"
    )]
    pub(crate) slo: Assertion,
    /// If the tester could not keep up, only warn: do not exit with 98.
    #[arg(help_heading = "Assertions", long, env = "LOADTEST_ALLOW_TAINT", value_parser = FalseyValueParser::new())]
    pub(crate) allow_taint: bool,
    /// Seed of every random choice [default: a new one, which is printed].
    #[arg(help_heading = "Replay", long, env = "LOADTEST_SEED", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Open only the socket with this number, to replay a failure.
    #[arg(
        help_heading = "Replay",
        long,
        env = "LOADTEST_ONLY_CONN",
        value_name = "N"
    )]
    pub(crate) only_conn: Option<u32>,
    /// Address to serve figures to Prometheus during the run, such as 127.0.0.1:9464.
    #[arg(
        help_heading = "Output",
        long,
        env = "LOADTEST_METRICS",
        value_name = "ADDRESS"
    )]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) identity: IdentityFlags,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    #[command(flatten)]
    pub(crate) display: DisplayFlags,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// How publications are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spacing {
    /// Evenly.
    Constant,
    /// At random: a Poisson process.
    Poisson,
}

/// The URL of a Wavecast with default settings.
const WAVECAST: &str = "ws://127.0.0.1:3000/ws";

impl Flags {
    /// The URL of a target that is Wavecast.
    pub(crate) fn wavecast_url(&self) -> &str {
        self.url.as_deref().unwrap_or(WAVECAST)
    }
}
