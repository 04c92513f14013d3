//! The server's own statistics.

use crate::base::target::Target;
use crate::wire::http_client::HttpClient;
use crate::wire::json;
use std::time::Duration;

/// The server's own statistics, as far as the tester uses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerStats {
    pub(crate) connections: u64,
    pub(crate) channels: u64,
    pub(crate) rooms: u64,
    /// Slow consumers evicted since the server started. `None` if it does not count them.
    pub(crate) slow_consumers: Option<u64>,
    /// Its `--ping-interval` and `--pong-timeout`. `None` if it does not tell them.
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) pong_timeout: Option<Duration>,
}

impl ServerStats {
    /// Reads `GET /api/stats`. `None` if the server does not have it.
    pub(crate) fn fetch(api: &Target) -> Option<Self> {
        let mut client = HttpClient::new(api.clone(), Duration::from_secs(5));
        let reply = client.send("GET", "/api/stats", b"").ok()?;
        let mut stats = Self::default();
        let mut known = false;
        json::members(&reply.body, |key, value| {
            let field = match key {
                b"active_connections" => {
                    known = true;
                    &mut stats.connections
                }
                b"channels_total" => &mut stats.channels,
                b"rooms_total" => &mut stats.rooms,
                b"slow_consumers_total" => {
                    stats.slow_consumers = json::integer(value);
                    return;
                }
                b"ping_interval_ms" => {
                    stats.ping_interval = json::integer(value).map(Duration::from_millis);
                    return;
                }
                b"pong_timeout_ms" => {
                    stats.pong_timeout = json::integer(value).map(Duration::from_millis);
                    return;
                }
                _ => return,
            };
            *field = json::integer(value).unwrap_or(0);
        });
        known.then_some(stats)
    }
}
