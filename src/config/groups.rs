//! The groups of settings inside [`WebSocketConfig`](super::WebSocketConfig).

use std::time::Duration;

use super::memory;
use crate::http::ServeOptions;
use crate::hub::{HubOptions, Retention};
use crate::limits::{ConnectionRates, RateLimit};
use crate::node::{AddressLimits, DrainOptions, LimitOptions, NodeOptions};
use crate::transport::SocketOptions;
use crate::wire::Limits;

/// Bounds of the connections themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionsConfig {
    /// Maximum number of WebSockets and event streams at a time; a handshake beyond it gets
    /// 503. Default 0: as many as the process may open file descriptors; the binary keeps some
    /// of them for health checks and the API.
    pub max: usize,
    /// Maximum number of plain HTTP connections at a time: those that are not, or not yet,
    /// WebSockets or event streams; at least 1. One more is answered with 503 and closed.
    /// Default 4096.
    pub max_http: usize,
    /// How long a plain HTTP connection may be idle between two requests; at least 1 ms. A proxy in
    /// front of the server should close its idle connections sooner. Default 75 s.
    pub keep_alive: Duration,
    /// Reset a connection whose socket accepts no bytes for this long, though some are queued;
    /// at least 1 ms. For a WebSocket, this is checked each time a ping is due. Default 30 s.
    pub write_timeout: Duration,
    /// How long a client that was sent a Close frame has to read it and to end its side, before its
    /// socket is reset; at least 1 ms. An evicted client has this time for each of the two.
    /// Default 5 s.
    pub close_timeout: Duration,
    /// Maximum number of bytes of the messages from all clients that are incomplete or not carried
    /// out; a client whose message does not fit is closed (1013). A quarter is reserved for
    /// messages of up to 4 KiB. At least twice `max_message_size`. Default 64 MiB.
    pub messages_total: usize,
    /// Maximum number of frames per message, empty ones included; one more closes the
    /// connection (1009). With 0 or 1, no message may be fragmented. Default 1024.
    pub max_fragments: usize,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self {
            max: NodeOptions::default().max_connections,
            max_http: ServeOptions::default().max_http,
            keep_alive: ServeOptions::default().keep_alive,
            write_timeout: SocketOptions::default().write_timeout,
            close_timeout: HubOptions::default().close_timeout,
            messages_total: NodeOptions::default().messages_total,
            max_fragments: Limits::default().max_fragments,
        }
    }
}

/// Limits of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Maximum number of rooms and channels per client; 0 for no limit. One more is refused with
    /// `too_many_topics`. Default 1000.
    pub topics_per_client: usize,
    /// Maximum number of rooms and channels that have members, over all clients; 0 for no limit. A
    /// client that would be the first member of another one is refused with `too_many_topics`.
    /// Each takes about 0.5 KB. Users' own channels (`$user:…`) do not count. Default 1,000,000.
    pub topics: usize,
    /// Maximum number of connections from one address, which is a whole one of IPv4 or the first 64
    /// bits of one of IPv6; one more gets 429. Loopback addresses have no limit. Default 0: no limit;
    /// the binary has 1000.
    pub connections_per_address: u32,
    /// Requests to connect from one address; one more gets 429. Default `None`: no limit; the
    /// binary has 50 per second with a burst of 200.
    pub handshakes_per_address: Option<RateLimit>,
    /// Tokens from one address that are refused; after that, the next one is refused with 429 and not
    /// verified. Default `None`: no limit; the binary has 20 per minute.
    pub failed_auth_per_address: Option<RateLimit>,
    /// Maximum number of connections of one user; one more gets 429, or is closed (4005). Default 0:
    /// no limit; the binary has 100.
    pub connections_per_user: usize,
    /// Commands of one connection, refused ones included; one more is refused with `rate_limited`,
    /// and a client that goes on is closed (4002). The burst should hold a whole resubscription, 1000
    /// commands. Default `None`: no limit; a client's own commands only push back on its reading.
    pub commands: Option<RateLimit>,
    /// Bytes of the messages of one connection; the commands of the next message are refused with
    /// `rate_limited`. The burst should hold the largest message. Default `None`: no limit.
    pub bytes: Option<RateLimit>,
    /// Pings and pongs of one connection; one more closes it (1008). Default `None`: no limit.
    pub control_frames: Option<RateLimit>,
    /// Commands of one connection that ask for presence; one more is refused with `rate_limited`.
    /// Default `None`: no limit.
    pub presence_updates: Option<RateLimit>,
    /// Longest time that the application's [`Policy`](crate::Policy) may take for one decision;
    /// at least 1 ms. After that, the command or request is refused with `overloaded`. The
    /// client's next command waits for the decision. Default 5 s.
    pub policy_timeout: Duration,
}

impl LimitsConfig {
    pub(super) fn node(&self) -> LimitOptions {
        LimitOptions {
            addresses: AddressLimits {
                connections: self.connections_per_address,
                handshakes: self.handshakes_per_address,
                failed_auth: self.failed_auth_per_address,
            },
            connections_per_user: self.connections_per_user,
            rates: ConnectionRates {
                commands: self.commands,
                bytes: self.bytes,
                control_frames: self.control_frames,
                presence_updates: self.presence_updates,
            },
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            topics_per_client: HubOptions::default().max_topics_per_client,
            topics: HubOptions::default().max_topics,
            connections_per_address: 0,
            handshakes_per_address: None,
            failed_auth_per_address: None,
            connections_per_user: 0,
            commands: None,
            bytes: None,
            control_frames: None,
            presence_updates: None,
            policy_timeout: NodeOptions::default().policy_timeout,
        }
    }
}

/// The queue of messages that wait for one client. A client that exceeds it is a slow
/// consumer: it is evicted (closed with 1013), unless the rules of the room or channel say
/// to drop messages instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxConfig {
    /// Maximum number of messages that may wait for one client; at least 1. Default 1024.
    pub messages: usize,
    /// Maximum number of bytes that may wait for one client; at least 42 more than
    /// `max_message_size`, so that every message fits with its framing. Default 1 MiB.
    pub bytes: usize,
    /// Maximum number of bytes of all outboxes together. A message that many clients share
    /// counts once per shard. Beyond it, the clients with the largest outboxes are evicted.
    /// Default 0: an eighth of the memory that the process may use, and at least 128 MiB.
    pub total: usize,
    /// Maximum number of bytes of replies that all clients have not read yet; beyond it, only a client
    /// that has read all of its replies has another command carried out. Default 32 MiB.
    pub replies_total: usize,
}

impl OutboxConfig {
    /// The total in bytes, where 0 has been replaced.
    pub(super) fn total_bytes(&self) -> usize {
        let eighth = || memory::usable().unwrap_or(0) / 8;
        match self.total {
            0 => eighth().max(HubOptions::default().outbox_total),
            total => total,
        }
    }
}

impl Default for OutboxConfig {
    fn default() -> Self {
        let hub = HubOptions::default();
        Self {
            messages: hub.outbox_max_messages,
            bytes: hub.outbox_max_bytes,
            total: 0,
            replies_total: hub.replies_total,
        }
    }
}

/// How publications are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishConfig {
    /// Longest time a publisher waits for a full shard; after that it gets 503 with
    /// `Retry-After`, and a client's command is refused with `overloaded`. Default 1 s. Zero
    /// refuses at once.
    pub timeout: Duration,
    /// How long an idempotency key is remembered: within this time, a second publication
    /// with the same key to the same channel is not delivered again but answered with the
    /// first one's result. Default 5 min. Zero turns this off.
    pub window: Duration,
    /// Maximum number of idempotency keys remembered, counted per channel; beyond that, the
    /// oldest are forgotten first. Default 100,000, which take about 20 MB. Zero turns this
    /// off.
    pub ids: usize,
    /// Maximum size of the body of an HTTP request, in bytes; a larger one gets 413. Default
    /// 1 MiB.
    pub max_body_size: usize,
    /// Maximum number of bytes of the bodies of all HTTP requests in flight, counted as they
    /// arrive. Beyond it, the server stops reading a body and answers 503 with `Retry-After`. One body of
    /// `max_body_size` always fits. Default 64 MiB.
    pub bodies_total: usize,
}

impl Default for PublishConfig {
    fn default() -> Self {
        let node = NodeOptions::default();
        Self {
            timeout: node.publish_timeout,
            window: node.publish_window,
            ids: node.publish_ids,
            max_body_size: 1024 * 1024,
            bodies_total: 64 * 1024 * 1024,
        }
    }
}

/// Bounds that the histories of all rooms and channels share.
/// [`topics`](super::WebSocketConfig::topics) sets which of them keep a history, and how long
/// it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryConfig {
    /// Maximum size of all histories together, in bytes; beyond that, rooms and channels that
    /// use more than their fair share lose their oldest publications. Must hold a message of
    /// `max_message_size`. Default 256 MiB.
    pub total: usize,
    /// The part of `total` for the histories of rooms, which clients fill; at most a quarter
    /// of it. The rest is for channels. Default 32 MiB.
    pub clients_total: usize,
    /// How long a room or channel that is not in use remembers its position after its last
    /// publication. A client that resumes later gets `epoch_changed`. Default 24 h.
    pub position_ttl: Duration,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        let retention = Retention::default();
        Self {
            total: retention.max_bytes,
            clients_total: retention.clients_max_bytes,
            position_ttl: retention.position_ttl,
        }
    }
}

/// How the server shuts down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainConfig {
    /// Time limit for closing all connections; those that are left are cut off. Default 30 s.
    pub timeout: Duration,
    /// Connections closed per second; at least 1. Raised where the timeout would not be
    /// enough. Default 2000.
    pub rate: u32,
    /// Clients that may reconnect per second; at least 1. The shutdown notice spreads them
    /// over a window of matching length, between 1 s and 5 min. Default 5000.
    pub reconnect_rate: u32,
}

impl Default for DrainConfig {
    fn default() -> Self {
        let drain = DrainOptions::default();
        Self {
            timeout: drain.timeout,
            rate: drain.closes_per_second,
            reconnect_rate: drain.reconnects_per_second,
        }
    }
}

/// The engine underneath. The defaults suit almost everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Number of shards, the tasks that own the sockets. Default 0: one per worker thread of
    /// the runtime.
    pub shards: usize,
    /// Maximum number of entries in the mailbox of a shard; at least 1. When it is full,
    /// publishers wait. Default 1024.
    pub mailbox_capacity: usize,
    /// Deliveries that may wait for one shard: members times publications; at least 1. When it
    /// is full, publishers wait. Default 40,960, which is about 0.2 s of work.
    pub mailbox_deliveries: usize,
    /// Maximum number of unsent bytes per socket that the kernel holds. The rest waits in the
    /// outbox, where it is counted. Default 16 KiB.
    pub notsent_lowat: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            shards: 0,
            mailbox_capacity: HubOptions::default().mailbox_capacity,
            mailbox_deliveries: HubOptions::default().mailbox_deliveries,
            notsent_lowat: SocketOptions::default().notsent_lowat,
        }
    }
}
