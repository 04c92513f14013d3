//! The flags of a run.

use super::fault_flags::FaultFlags;
use crate::base::source_ips::SourceIps;
use crate::base::units::{parse_count, parse_rate, parse_size};
use crate::measure::server_pid::ServerPid;
use crate::plan::popularity::Popularity;
use crate::report::outputs::Outputs;
use crate::run::display::DisplayFlags;
use crate::verdict::assertion::Assertion;
use crate::wire::frame_reader::ReaderEngine;
use clap::Args;
use clap::builder::FalseyValueParser;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// WebSocket address of the server.
    #[arg(
        short,
        long,
        env = "LOADTEST_URL",
        default_value = "ws://127.0.0.1:3000/ws"
    )]
    pub(crate) url: String,
    /// HTTP address of the server [default: host and port of --url].
    #[arg(long, env = "LOADTEST_API")]
    pub(crate) api: Option<String>,
    /// Sockets to open (500, 10k) [default: 1000].
    #[arg(short, long, env = "LOADTEST_CONNECTIONS", value_parser = parse_count)]
    pub(crate) connections: Option<u32>,
    /// Sockets to open a second.
    #[arg(short = 'R', long, env = "LOADTEST_CONNECT_RATE", default_value = "2k/s", value_parser = parse_rate)]
    pub(crate) connect_rate: f64,
    /// Publications, all channels together (100/s, 60/m) [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_RATE", value_parser = parse_rate)]
    pub(crate) rate: Option<f64>,
    /// Channels; sockets and publications are spread over them evenly [default: the scenario's].
    #[arg(short = 'C', long, env = "LOADTEST_CHANNELS", value_parser = parse_count)]
    pub(crate) channels: Option<u32>,
    /// Members of each room, in scenarios with rooms; with --channels that many rooms instead [default: the scenario's].
    #[arg(long, env = "LOADTEST_MEMBERS", value_parser = parse_count)]
    pub(crate) members: Option<u32>,
    /// How publications are spread over channels or rooms: even, or zipf:1.1 [default: the scenario's].
    #[arg(long, env = "LOADTEST_POPULARITY")]
    pub(crate) popularity: Option<Popularity>,
    /// Channels each socket subscribes to.
    #[arg(long, env = "LOADTEST_SUBS_PER_CONN", default_value = "1", value_parser = parse_count)]
    pub(crate) subs_per_conn: u32,
    /// Size of an event's data; about 100 bytes at least [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_SIZE", value_parser = parse_size)]
    pub(crate) size: Option<u32>,
    /// How long to publish [default: the scenario's].
    #[arg(short, long, env = "LOADTEST_DURATION", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Parallel publishers [default: one per 100/s, 32 at most]; of each room the members who talk [default: 2].
    #[arg(short, long, env = "LOADTEST_PUBLISHERS", value_parser = parse_count)]
    pub(crate) publishers: Option<u32>,
    /// Threads that own sockets [default: half the cores].
    #[arg(long, env = "LOADTEST_WORKERS", value_parser = parse_count)]
    pub(crate) workers: Option<u32>,
    /// What reads frames.
    #[arg(long, env = "LOADTEST_ENGINE", value_enum, default_value = "lean")]
    pub(crate) engine: ReaderEngine,
    /// Source addresses: auto, a list 127.0.0.2,127.0.0.3 or a range 127.0.0.2-127.0.0.9.
    #[arg(long, env = "LOADTEST_SOURCE_IPS", default_value = "auto")]
    pub(crate) source_ips: SourceIps,
    /// Longest time for a socket to connect, upgrade and subscribe.
    #[arg(long, env = "LOADTEST_CONNECT_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the last deliveries; ends as soon as all books are complete.
    #[arg(long, env = "LOADTEST_DRAIN", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) drain: Duration,
    /// Longest time for the whole run.
    #[arg(long, env = "LOADTEST_LIMIT_TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    pub(crate) limit_time: Duration,
    #[command(flatten)]
    pub(crate) faults: FaultFlags,
    /// A condition, such as delivery.p99<250ms or loss.silent==0; repeatable, or separated by commas.
    #[arg(
        long = "assert",
        env = "LOADTEST_ASSERT",
        value_name = "EXPR",
        value_delimiter = ','
    )]
    pub(crate) asserts: Vec<Assertion>,
    /// What find-max must hold.
    #[arg(
        long,
        env = "LOADTEST_SLO",
        value_name = "EXPR",
        default_value = "delivery.p99<50ms"
    )]
    pub(crate) slo: Assertion,
    /// Judge only by --assert.
    #[arg(long, env = "LOADTEST_NO_DEFAULT_ASSERTS", value_parser = FalseyValueParser::new())]
    pub(crate) no_default_asserts: bool,
    /// Tell when the tester did not keep up, but do not exit with 98 for it.
    #[arg(long, env = "LOADTEST_ALLOW_TAINT", value_parser = FalseyValueParser::new())]
    pub(crate) allow_taint: bool,
    /// The server's process to watch, auto (whoever listens on the target's port), or none [default: auto, if it can be found].
    #[arg(long, env = "LOADTEST_SERVER_PID", value_name = "PID")]
    pub(crate) server_pid: Option<ServerPid>,
    /// Decides every random choice [default: chosen, and printed].
    #[arg(long, env = "LOADTEST_SEED")]
    pub(crate) seed: Option<u64>,
    /// Open only this socket of the run, to replay a failure.
    #[arg(long, env = "LOADTEST_ONLY_CONN", value_name = "CONN")]
    pub(crate) only_conn: Option<u32>,
    /// Allow a target that is not this machine.
    #[arg(long, env = "LOADTEST_YES", value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) display: DisplayFlags,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
