//! The configuration of a server, with its defaults.

use std::time::Duration;

use super::groups::{
    ConnectionsConfig, DrainConfig, EngineConfig, HistoryConfig, LimitsConfig, OutboxConfig,
    PublishConfig,
};
use crate::http::ServeOptions;
use crate::hub::{HubOptions, Retention, TopicRules};
use crate::node::{DrainOptions, NodeOptions};
use crate::transport::SocketOptions;
use crate::wire::{AllowedOrigins, Limits, TrustedProxies};

/// Configuration of a [`WebSocketServer`](crate::WebSocketServer). Every field has a sensible
/// default, so name only what you change:
///
/// ```
/// use std::time::Duration;
/// use wavecast::WebSocketConfig;
/// use wavecast::config::OutboxConfig;
///
/// let config = WebSocketConfig {
///     ping_interval: Duration::from_secs(20),
///     outbox: OutboxConfig { messages: 256, ..OutboxConfig::default() },
///     ..WebSocketConfig::default()
/// };
/// assert_eq!(config.validate(), Ok(()));
/// ```
#[derive(Debug, Clone)]
pub struct WebSocketConfig {
    /// Time between two pings to one client; at least 1 ms. Default 30 s.
    pub ping_interval: Duration,
    /// A client that has not answered a ping for this long is closed (4001) when its next
    /// ping is due. Must be longer than `ping_interval`. Default 90 s.
    pub pong_timeout: Duration,
    /// Maximum size of a message from or to a client, in bytes; at least 1. A longer one from a
    /// client is refused (`message_too_large`) and skipped; one that is 16 times as long closes
    /// the connection (1009). Default 64 KiB.
    pub max_message_size: usize,
    /// Maximum number of members per room; at least 1. One more is refused with `room_full`.
    /// Default 100.
    pub max_clients_per_room: usize,
    /// Whether to trust `?user=<id>` in the address of `/ws` and `/sse`. **Anyone can then
    /// claim to be anyone**: for development only. Default false.
    pub trust_user_parameter: bool,
    /// Whether [`router`](crate::WebSocketServer::router) serves the start page at `/`, which is
    /// meant for development. Default true; the binary serves it only on loopback addresses,
    /// unless `server.page` says otherwise.
    pub start_page: bool,
    /// Which web pages may connect: [`ws_handler`](crate::ws_handler) and
    /// [`sse_handler`](crate::sse_handler) refuse all others with 403. Default `None`: any page, so
    /// that the application decides; the binary allows pages of its own host and those of
    /// `network.origins`.
    pub origins: Option<AllowedOrigins>,
    /// The proxies in front of the server, whose word about the address of a client is believed. Holds
    /// for [`serve`](crate::WebSocketServer::serve). Default: none.
    pub trusted_proxies: TrustedProxies,
    /// Whether every connection begins with a PROXY header, of version 1 or 2. Peers that are no trusted
    /// proxies are closed. Holds for [`serve`](crate::WebSocketServer::serve). Default: no.
    pub proxy_protocol: bool,
    /// Bounds of the connections themselves.
    pub connections: ConnectionsConfig,
    /// Limits per client.
    pub limits: LimitsConfig,
    /// The queue of messages that wait for one client.
    pub outbox: OutboxConfig,
    /// How publications are accepted.
    pub publish: PublishConfig,
    /// Bounds that the histories of all rooms and channels share.
    pub history: HistoryConfig,
    /// Rooms and channels by name: how much history each keeps, and what happens to slow
    /// consumers. Default: [`TopicRules::with_channel_history`]. Rules are added to a value that
    /// says what all others do, as in `TopicRules::with_channel_history().with(…)`.
    pub topics: TopicRules,
    /// How the server shuts down.
    pub drain: DrainConfig,
    /// The engine underneath.
    pub engine: EngineConfig,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        let hub = HubOptions::default();
        let node = NodeOptions::default();
        Self {
            ping_interval: hub.ping_interval,
            pong_timeout: hub.pong_timeout,
            max_message_size: node.max_message_bytes,
            max_clients_per_room: node.max_clients_per_room,
            trust_user_parameter: false,
            start_page: true,
            origins: None,
            trusted_proxies: TrustedProxies::default(),
            proxy_protocol: false,
            connections: ConnectionsConfig::default(),
            limits: LimitsConfig::default(),
            outbox: OutboxConfig::default(),
            publish: PublishConfig::default(),
            history: HistoryConfig::default(),
            topics: TopicRules::with_channel_history(),
            drain: DrainConfig::default(),
            engine: EngineConfig::default(),
        }
    }
}

impl WebSocketConfig {
    pub(crate) fn hub(&self, workers: usize) -> HubOptions {
        HubOptions {
            shards: match self.engine.shards {
                0 => workers,
                shards => shards,
            },
            mailbox_capacity: self.engine.mailbox_capacity,
            mailbox_deliveries: self.engine.mailbox_deliveries,
            outbox_max_messages: self.outbox.messages,
            outbox_max_bytes: self.outbox.bytes,
            outbox_total: self.outbox.total_bytes(),
            max_topics_per_client: or_unlimited(self.limits.topics_per_client),
            max_topics: or_unlimited(self.limits.topics),
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            write_timeout: self.connections.write_timeout,
            close_timeout: self.connections.close_timeout,
            topics: self.topics.clone(),
            retention: Retention {
                max_bytes: self.history.total,
                clients_max_bytes: self.history.clients_total,
                position_ttl: self.history.position_ttl,
            },
            replies_total: self.outbox.replies_total,
            ..HubOptions::default()
        }
    }

    pub(crate) fn node(&self) -> NodeOptions {
        NodeOptions {
            max_connections: self.connections.max,
            max_clients_per_room: self.max_clients_per_room,
            max_message_bytes: self.max_message_size,
            publish_timeout: self.publish.timeout,
            publish_window: self.publish.window,
            publish_ids: self.publish.ids,
            policy_timeout: self.limits.policy_timeout,
            messages_total: self.connections.messages_total,
            limits: self.limits.node(),
        }
    }

    pub(crate) fn drain(&self) -> DrainOptions {
        DrainOptions {
            timeout: self.drain.timeout,
            closes_per_second: self.drain.rate,
            reconnects_per_second: self.drain.reconnect_rate,
        }
    }

    pub(crate) fn socket(&self) -> SocketOptions {
        SocketOptions {
            notsent_lowat: self.engine.notsent_lowat,
            user_timeout: self.pong_timeout,
            write_timeout: self.connections.write_timeout,
        }
    }

    pub(crate) fn serve(&self) -> ServeOptions {
        ServeOptions {
            max_http: self.connections.max_http,
            keep_alive: self.connections.keep_alive,
            write_timeout: self.connections.write_timeout,
            trusted_proxies: self.trusted_proxies.clone(),
            proxy_protocol: self.proxy_protocol,
            ..ServeOptions::default()
        }
    }

    pub(crate) fn wire(&self) -> Limits {
        Limits {
            max_message_bytes: self.max_message_size,
            max_fragments: self.connections.max_fragments,
        }
    }
}

/// 0 is no limit.
fn or_unlimited(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_has_vanished_is_noticed_after_the_pong_timeout() {
        let mut config = WebSocketConfig {
            pong_timeout: Duration::from_secs(7),
            ..WebSocketConfig::default()
        };
        config.connections.write_timeout = Duration::from_secs(5);
        config.engine.notsent_lowat = 12_345;
        let socket = config.socket();
        assert_eq!(socket.user_timeout, config.pong_timeout);
        assert_eq!(socket.write_timeout, config.connections.write_timeout);
        assert_eq!(socket.notsent_lowat, 12_345);
        assert_eq!(config.serve().write_timeout, socket.write_timeout);
    }
}
