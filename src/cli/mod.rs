//! Flags and environment of the binary.

mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{WebSocketConfig, bytes, rules_file};
use crate::history::HistoryLimits;
use crate::hub::{Retention, TopicOptions, TopicRules};
use bytesize::ByteSize;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

/// Wavecast pushes each published event to everyone who wants it, over WebSocket.
#[derive(Debug, Parser)]
#[command(name = "wavecast", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the edge (what happens without a command)
    Serve(ServeArgs),
}

/// Flags of `serve`. Each has its `WAVECAST_*` variable; a flag wins.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "WAVECAST_LISTEN", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// Shards that own the sockets; 0 for one a CPU
    #[arg(long, env = "WAVECAST_SHARDS", default_value_t = 0)]
    shards: usize,

    /// Time between two pings to a client
    #[arg(long, env = "WAVECAST_PING_INTERVAL", default_value = "30s", value_parser = humantime::parse_duration)]
    ping_interval: Duration,

    /// Age of the last pong at which a client is closed (4001)
    #[arg(long, env = "WAVECAST_PONG_TIMEOUT", default_value = "90s", value_parser = humantime::parse_duration)]
    pong_timeout: Duration,

    /// Largest message, from a client or to it
    #[arg(long, env = "WAVECAST_MAX_MESSAGE_SIZE", default_value = "64KiB")]
    max_message_size: ByteSize,

    /// Members a room may have
    #[arg(long, env = "WAVECAST_MAX_CLIENTS_PER_ROOM", default_value_t = 100)]
    max_clients_per_room: usize,

    /// Rooms and channels a client may be in
    #[arg(long, env = "WAVECAST_MAX_TOPICS_PER_CLIENT", default_value_t = 1000)]
    max_topics_per_client: usize,

    /// Connections at a time; 0 for as many as there are file descriptors
    #[arg(long, env = "WAVECAST_MAX_CONNECTIONS", default_value_t = 0)]
    max_connections: usize,

    /// Messages that may wait for a client; one more evicts it (1013)
    #[arg(long, env = "WAVECAST_OUTBOX_MESSAGES", default_value_t = 1024)]
    outbox_messages: usize,

    /// Bytes that may wait for a client; one more evicts it (1013)
    #[arg(long, env = "WAVECAST_OUTBOX_BYTES", default_value = "1MiB")]
    outbox_bytes: ByteSize,

    /// Largest body of an HTTP request
    #[arg(long, env = "WAVECAST_MAX_BODY_SIZE", default_value = "1MiB")]
    max_body_size: ByteSize,

    /// Longest a publisher waits before it gets a 503
    #[arg(long, env = "WAVECAST_PUBLISH_TIMEOUT", default_value = "1s", value_parser = humantime::parse_duration)]
    publish_timeout: Duration,

    /// How long a publication's own id is remembered, so that a retry is no second event; 0s for not
    #[arg(long, env = "WAVECAST_PUBLISH_WINDOW", default_value = "5m", value_parser = humantime::parse_duration)]
    publish_window: Duration,

    /// Own ids that are remembered, one a channel
    #[arg(long, env = "WAVECAST_PUBLISH_IDS", default_value_t = 100_000)]
    publish_ids: usize,

    /// When a shutdown ends, whoever is still connected
    #[arg(long, env = "WAVECAST_DRAIN_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    drain_timeout: Duration,

    /// Connections closed a second while shutting down; more when the timeout asks for it
    #[arg(long, env = "WAVECAST_DRAIN_RATE", default_value_t = 2000)]
    drain_rate: u32,

    /// Clients that may come back a second after a shutdown: its notice names the window
    #[arg(long, env = "WAVECAST_RECONNECT_RATE", default_value_t = 5000)]
    reconnect_rate: u32,

    /// Publications kept a room and channel, so that clients recover what they missed; 0 for none
    #[arg(long, env = "WAVECAST_HISTORY", default_value_t = 0)]
    history: usize,

    /// Bytes kept a room and channel
    #[arg(long, env = "WAVECAST_HISTORY_BYTES", default_value = "1MiB")]
    history_bytes: ByteSize,

    /// Age at which a kept publication is dropped
    #[arg(long, env = "WAVECAST_HISTORY_AGE", default_value = "10m", value_parser = humantime::parse_duration)]
    history_age: Duration,

    /// Bytes kept over all rooms and channels together
    #[arg(long, env = "WAVECAST_HISTORY_TOTAL", default_value = "256MiB")]
    history_total: ByteSize,

    /// How long a room or channel that nobody uses remembers its position
    #[arg(long, env = "WAVECAST_POSITION_TTL", default_value = "24h", value_parser = humantime::parse_duration)]
    position_ttl: Duration,

    /// File with rules for rooms and channels by name: history, and what happens to slow consumers
    #[arg(long, env = "WAVECAST_CONFIG")]
    config: Option<PathBuf>,

    /// Web origin that may call the HTTP API from a browser, or `*`; repeatable, none by default
    #[arg(long, env = "WAVECAST_CORS_ORIGIN", value_delimiter = ',')]
    pub(crate) cors_origin: Vec<String>,

    /// What to log: error, warn, info, debug, trace, or a filter such as wavecast=debug
    #[arg(long, env = "WAVECAST_LOG", default_value = "info")]
    pub(crate) log: String,

    /// Development only: believe `?user=<id>` on /ws and /sse, so that ANYBODY CAN BE ANYBODY
    #[arg(long, env = "WAVECAST_DEV")]
    pub(crate) dev: bool,
}

impl ServeArgs {
    pub(crate) fn config(&self) -> Result<WebSocketConfig, String> {
        Ok(WebSocketConfig {
            topics: self.topics()?,
            retention: Retention {
                max_bytes: bytes(self.history_total),
                position_ttl: self.position_ttl,
            },
            shards: self.shards,
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            max_message_size: bytes(self.max_message_size),
            max_clients_per_room: self.max_clients_per_room,
            max_topics_per_client: self.max_topics_per_client,
            max_connections: self.max_connections,
            outbox_messages: self.outbox_messages,
            outbox_bytes: bytes(self.outbox_bytes),
            max_body_size: bytes(self.max_body_size),
            publish_timeout: self.publish_timeout,
            publish_window: self.publish_window,
            publish_ids: self.publish_ids,
            drain_timeout: self.drain_timeout,
            drain_rate: self.drain_rate,
            reconnect_rate: self.reconnect_rate,
            trust_user_parameter: self.dev,
            ..WebSocketConfig::default()
        })
    }

    fn topics(&self) -> Result<TopicRules, String> {
        let fallback = TopicOptions {
            history: (self.history > 0).then_some(self.history_limits()),
            ..TopicOptions::default()
        };
        match &self.config {
            Some(path) => rules_file::read(path, fallback, self.history_limits()),
            None => Ok(TopicRules::all(fallback)),
        }
    }

    /// Of a history that is switched on by a rule without naming all its limits, too.
    fn history_limits(&self) -> HistoryLimits {
        HistoryLimits {
            max_messages: if self.history > 0 {
                self.history
            } else {
                HistoryLimits::default().max_messages
            },
            max_bytes: bytes(self.history_bytes),
            max_age: self.history_age,
        }
    }
}

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    match parse() {
        Ok(args) => serve::run(&args),
        Err(code) => code,
    }
}

/// Parses the command line and environment. What is wrong is said in one line; `Err` is
/// the exit code.
pub(crate) fn parse() -> Result<ServeArgs, ExitCode> {
    match Cli::try_parse() {
        Ok(cli) => Ok(match cli.command {
            Some(Command::Serve(args)) => args,
            None => cli.serve,
        }),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // Standard output may be closed already, as in `wavecast --help | head -1`.
                let _ = error.print();
                Err(ExitCode::SUCCESS)
            }
            _ => {
                let text = error.to_string();
                let first_paragraph = text.split("\n\n").next().unwrap_or_default();
                let line = first_paragraph
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                eprintln!("{line}");
                Err(ExitCode::from(2))
            }
        },
    }
}
