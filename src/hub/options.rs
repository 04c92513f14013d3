//! The hub's settings.

use std::time::Duration;

use super::observer::Observers;
use super::topic::{Retention, TopicRules};

/// Limits and intervals of a hub. Every field has a working default.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Number of shards. Each is a task that owns its share of the sockets. Default: one per
    /// available core. 0 means 1.
    pub shards: usize,
    /// Capacity of one shard's mailbox, in entries. While it is full, publishers wait.
    /// Default: 1024. 0 means 1.
    pub mailbox_capacity: usize,
    /// Deliveries that may wait in one shard's mailbox: members times publications. When it is
    /// full, publishers wait. Default 40,960, which is about 0.2 s of work.
    pub mailbox_deliveries: usize,
    /// Maximum number of messages queued for one client. When there is no room for another,
    /// publications are dropped where [`Overflow`](super::Overflow) allows it; otherwise the
    /// client is evicted. Default: 1024.
    pub outbox_max_messages: usize,
    /// Maximum number of bytes queued for one client, with the same consequence.
    /// Default: 1 MiB.
    pub outbox_max_bytes: usize,
    /// Maximum number of bytes of all outboxes together, as they take memory: a frame that many
    /// outboxes of a shard share counts once. Beyond it, the clients with the largest outboxes
    /// are evicted. Default: 128 MiB.
    pub outbox_total: usize,
    /// Maximum number of rooms and channels per client. Default: 1000.
    pub max_topics_per_client: usize,
    /// Maximum number of rooms and channels that have members. Default: 1,000,000.
    pub max_topics: usize,
    /// Bytes of unwritten replies to all clients together, with 100 for each beside its payload. Beyond
    /// it, large replies wait, and only a client without any has its next command carried out. Default
    /// 32 MiB.
    pub replies_total: usize,
    /// Time between two pings to the same client. Default: 30 s.
    pub ping_interval: Duration,
    /// Close a client that hasn't answered a ping for this long. Checked each time a ping
    /// is due. Default: 90 s.
    pub pong_timeout: Duration,
    /// Reset a connection whose socket accepted no bytes for this long, though some were queued.
    /// Checked each time a ping is due. Default 30 s.
    pub write_timeout: Duration,
    /// How long an evicted client's socket has to accept the Close frame, and then the client to
    /// end its side. After that, the socket is reset. Default 5 s.
    pub close_timeout: Duration,
    /// Rules that configure rooms and channels by name. Default: no history, and slow
    /// consumers are evicted.
    pub topics: TopicRules,
    /// Limits on what all topics keep together.
    pub retention: Retention,
    /// The observer of clients and topics. Default: none.
    pub observers: Observers,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            mailbox_capacity: 1024,
            mailbox_deliveries: 40 * 1024,
            outbox_max_messages: 1024,
            outbox_max_bytes: 1024 * 1024,
            outbox_total: 128 * 1024 * 1024,
            max_topics_per_client: 1000,
            max_topics: 1_000_000,
            replies_total: 32 * 1024 * 1024,
            ping_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(90),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            topics: TopicRules::default(),
            retention: Retention::default(),
            observers: Observers::default(),
        }
    }
}
