//! What the hub can be told.

use std::time::Duration;

use super::observer::Observers;
use super::topic::{Retention, TopicRules};

/// Bounds and times of a hub. Every field has a working default.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Shards, each a task that owns its share of the sockets. Default: one a worker thread.
    pub shards: usize,
    /// Entries one shard's mailbox holds; when it is full, publishers wait. Default 1024.
    pub mailbox_capacity: usize,
    /// Messages that may wait for one client; one more evicts it. Default 1024.
    pub outbox_max_messages: usize,
    /// Bytes that may wait for one client; one more evicts it. Default 1 MiB.
    pub outbox_max_bytes: usize,
    /// Rooms and channels one client may be in. Default 1000.
    pub max_topics_per_client: usize,
    /// Time between two pings to one client. Default 30 s.
    pub ping_interval: Duration,
    /// Age of the last pong at which a client is closed, found at its next ping. Default 90 s.
    pub pong_timeout: Duration,
    /// What is configured for each room and channel. Default: nothing.
    pub topics: TopicRules,
    /// What is kept over all topics together.
    pub retention: Retention,
    /// Who is told what happens. Default: nobody.
    pub observers: Observers,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            mailbox_capacity: 1024,
            outbox_max_messages: 1024,
            outbox_max_bytes: 1024 * 1024,
            max_topics_per_client: 1000,
            ping_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(90),
            topics: TopicRules::default(),
            retention: Retention::default(),
            observers: Observers::default(),
        }
    }
}
