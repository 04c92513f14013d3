//! What a server can be told, with its defaults.

#[cfg(feature = "cli")]
pub(crate) mod rules_file;
#[cfg(feature = "cli")]
mod units;

use std::time::Duration;

#[cfg(feature = "cli")]
pub(crate) use self::units::bytes;
use crate::hub::{HubOptions, Retention, TopicRules};
use crate::node::{DrainOptions, NodeOptions};
use crate::transport::SocketOptions;
use crate::wire::Limits;

/// Configuration of a [`WebSocketServer`](crate::WebSocketServer).
#[derive(Debug, Clone)]
pub struct WebSocketConfig {
    /// Time between two pings to one client. Default 30 s.
    pub ping_interval: Duration,
    /// Age of a client's last pong at which it is closed (4001); found at its next ping.
    /// Longer than `ping_interval`. Default 90 s.
    pub pong_timeout: Duration,
    /// Bytes of one message, from a client or to it. A longer one from a client is refused
    /// and skipped; sixteen times as much ends the connection (1009). Default 64 KiB.
    pub max_message_size: usize,
    /// Members a room may have. Default 100.
    pub max_clients_per_room: usize,
    /// Messages that may wait for one client; one more evicts it (1013). Default 1024.
    pub outbox_messages: usize,
    /// Bytes that may wait for one client; one more evicts it (1013). Default 1 MiB.
    pub outbox_bytes: usize,
    /// Rooms and channels one client may be in. Default 1000.
    pub max_topics_per_client: usize,
    /// Connections at a time; zero for as many as there are descriptors. Default 0.
    pub max_connections: usize,
    /// Shards that own the sockets; zero for one a worker thread. Default 0.
    pub shards: usize,
    /// Entries a shard's mailbox holds; full, it slows publishers down. Default 1024.
    pub mailbox_capacity: usize,
    /// Longest a publisher waits for a full mailbox before it gets a 503. Default 1 s.
    pub publish_timeout: Duration,
    /// Within this time a second publication with the same id to the same channel is not
    /// delivered again but answered with the first one's result; zero switches this off.
    /// Default 5 min.
    pub publish_window: Duration,
    /// Publications with an own id that are remembered for that, one a channel; above, the
    /// oldest go first. Default 100,000, which take about 20 MB.
    pub publish_ids: usize,
    /// Longest wait for one decision of the application's policy; then it is refused with
    /// `overloaded`. The client's next command waits too. Default 5 s.
    pub policy_timeout: Duration,
    /// Bytes the body of an HTTP request may have. Default 1 MiB.
    pub max_body_size: usize,
    /// Frames of one message, empty ones included; one more ends the connection (1009).
    /// Default 1024.
    pub max_fragments: usize,
    /// Bytes the kernel takes for one socket that it has not sent yet. Default 16 KiB.
    pub notsent_lowat: u32,
    /// When a drain ends, whoever is still connected. Default 30 s.
    pub drain_timeout: Duration,
    /// Connections closed a second while draining; more when the timeout would not
    /// suffice. Default 2000.
    pub drain_rate: u32,
    /// Clients that may come back a second after a drain: its notice names a window of that
    /// length, 1 s to 5 min. Default 5000.
    pub reconnect_rate: u32,
    /// What is configured for rooms and channels by name: history, and what happens to slow
    /// consumers. Default: no history, slow consumers are evicted.
    pub topics: TopicRules,
    /// What is kept over all rooms and channels together. Default 256 MiB, positions 24 h.
    pub retention: Retention,
    /// Whether `?user=<id>` on the upgrade is believed. **Anybody can then be anybody**:
    /// for development only. Default false.
    pub trust_user_parameter: bool,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        let hub = HubOptions::default();
        let node = NodeOptions::default();
        let drain = DrainOptions::default();
        Self {
            ping_interval: hub.ping_interval,
            pong_timeout: hub.pong_timeout,
            max_message_size: node.max_message_bytes,
            max_clients_per_room: node.max_clients_per_room,
            outbox_messages: hub.outbox_max_messages,
            outbox_bytes: hub.outbox_max_bytes,
            max_topics_per_client: hub.max_topics_per_client,
            max_connections: node.max_connections,
            shards: 0,
            mailbox_capacity: hub.mailbox_capacity,
            publish_timeout: node.publish_timeout,
            publish_window: node.publish_window,
            publish_ids: node.publish_ids,
            policy_timeout: node.policy_timeout,
            max_body_size: 1024 * 1024,
            max_fragments: Limits::default().max_fragments,
            notsent_lowat: SocketOptions::default().notsent_lowat,
            drain_timeout: drain.timeout,
            drain_rate: drain.closes_per_second,
            reconnect_rate: drain.reconnects_per_second,
            topics: hub.topics,
            retention: hub.retention,
            trust_user_parameter: false,
        }
    }
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Healthy clients would be closed between two pings.
    #[error(
        "the pong timeout ({pong_timeout:?}) must be longer than the ping interval ({ping_interval:?})"
    )]
    PongTimeoutTooShort {
        /// The ping interval.
        ping_interval: Duration,
        /// The pong timeout.
        pong_timeout: Duration,
    },
    /// A value that must not be zero is.
    #[error("{0} must not be zero")]
    Zero(&'static str),
    /// A time is longer than anybody waits, and than clocks can add.
    #[error("{0} must not be longer than a year")]
    TooLong(&'static str),
    /// One message would fill the outbox.
    #[error(
        "the outbox ({outbox_bytes} bytes) must hold a message of the largest size ({max_message_size} bytes) and its header"
    )]
    OutboxTooSmall {
        /// Bytes an outbox holds.
        outbox_bytes: usize,
        /// Bytes of the largest message.
        max_message_size: usize,
    },
    /// One message would not fit into a history.
    #[error(
        "a history ({history_bytes} bytes) must hold a message of the largest size ({max_message_size} bytes), its offset and its header"
    )]
    HistoryTooSmall {
        /// Bytes a history holds.
        history_bytes: usize,
        /// Bytes of the largest message.
        max_message_size: usize,
    },
}

/// Bytes that a frame header and an offset add to a message at most.
const FRAMING_BYTES: usize = 10 + 32;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl WebSocketConfig {
    /// Checks that the values work together.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let positive = [
            (self.ping_interval.as_millis() > 0, "the ping interval"),
            (self.max_message_size > 0, "the message size"),
            (self.max_clients_per_room > 0, "the clients per room"),
            (self.outbox_messages > 0, "the outbox's messages"),
            (self.max_topics_per_client > 0, "the topics per client"),
            (self.mailbox_capacity > 0, "the mailbox's capacity"),
            (!self.policy_timeout.is_zero(), "the policy timeout"),
            (self.drain_rate > 0, "the drain rate"),
            (self.reconnect_rate > 0, "the reconnect rate"),
        ];
        if let Some((_, name)) = positive.into_iter().find(|(positive, _)| !positive) {
            return Err(ConfigError::Zero(name));
        }
        let times = [
            (self.ping_interval, "the ping interval"),
            (self.pong_timeout, "the pong timeout"),
            (self.publish_timeout, "the publish timeout"),
            (self.publish_window, "the publish window"),
            (self.policy_timeout, "the policy timeout"),
            (self.drain_timeout, "the drain timeout"),
        ];
        if let Some((_, name)) = times.into_iter().find(|(time, _)| *time > YEAR) {
            return Err(ConfigError::TooLong(name));
        }
        if self.pong_timeout <= self.ping_interval {
            return Err(ConfigError::PongTimeoutTooShort {
                ping_interval: self.ping_interval,
                pong_timeout: self.pong_timeout,
            });
        }
        if self.outbox_bytes < self.max_message_size.saturating_add(FRAMING_BYTES) {
            return Err(ConfigError::OutboxTooSmall {
                outbox_bytes: self.outbox_bytes,
                max_message_size: self.max_message_size,
            });
        }
        self.validate_histories()
    }

    fn validate_histories(&self) -> Result<(), ConfigError> {
        let largest = self.max_message_size.saturating_add(FRAMING_BYTES);
        if self.retention.position_ttl > YEAR {
            return Err(ConfigError::TooLong("the position's time to live"));
        }
        for limits in self.topics.histories() {
            if limits.max_messages == 0 {
                return Err(ConfigError::Zero("the messages of a history"));
            }
            if limits.max_age > YEAR {
                return Err(ConfigError::TooLong("the age of a history"));
            }
            let history_bytes = limits.max_bytes.min(self.retention.max_bytes);
            if history_bytes < largest {
                return Err(ConfigError::HistoryTooSmall {
                    history_bytes,
                    max_message_size: self.max_message_size,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn hub(&self, workers: usize) -> HubOptions {
        HubOptions {
            shards: if self.shards == 0 {
                workers
            } else {
                self.shards
            },
            mailbox_capacity: self.mailbox_capacity,
            outbox_max_messages: self.outbox_messages,
            outbox_max_bytes: self.outbox_bytes,
            max_topics_per_client: self.max_topics_per_client,
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            topics: self.topics.clone(),
            retention: self.retention,
            ..HubOptions::default()
        }
    }

    pub(crate) fn node(&self) -> NodeOptions {
        NodeOptions {
            max_connections: self.max_connections,
            max_clients_per_room: self.max_clients_per_room,
            max_message_bytes: self.max_message_size,
            publish_timeout: self.publish_timeout,
            publish_window: self.publish_window,
            publish_ids: self.publish_ids,
            policy_timeout: self.policy_timeout,
        }
    }

    pub(crate) fn drain(&self) -> DrainOptions {
        DrainOptions {
            timeout: self.drain_timeout,
            closes_per_second: self.drain_rate,
            reconnects_per_second: self.reconnect_rate,
        }
    }

    pub(crate) fn socket(&self) -> SocketOptions {
        SocketOptions {
            notsent_lowat: self.notsent_lowat,
            user_timeout: self.pong_timeout,
        }
    }

    pub(crate) fn wire(&self) -> Limits {
        Limits {
            max_message_bytes: self.max_message_size,
            max_fragments: self.max_fragments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_together() {
        assert_eq!(WebSocketConfig::default().validate(), Ok(()));
    }

    #[test]
    fn values_that_cannot_work_together_are_refused() {
        let mut config = WebSocketConfig {
            pong_timeout: Duration::from_secs(30),
            ..WebSocketConfig::default()
        };
        assert!(matches!(
            config.validate(),
            Err(ConfigError::PongTimeoutTooShort { .. })
        ));
        config = WebSocketConfig {
            outbox_bytes: 64 * 1024,
            ..WebSocketConfig::default()
        };
        assert!(matches!(
            config.validate(),
            Err(ConfigError::OutboxTooSmall { .. })
        ));
        config = WebSocketConfig {
            drain_timeout: Duration::MAX,
            ..WebSocketConfig::default()
        };
        assert_eq!(
            config.validate(),
            Err(ConfigError::TooLong("the drain timeout"))
        );
        config = WebSocketConfig {
            max_clients_per_room: 0,
            ..WebSocketConfig::default()
        };
        assert_eq!(
            config.validate(),
            Err(ConfigError::Zero("the clients per room"))
        );
    }
}
