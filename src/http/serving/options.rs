//! Settings of the accept loop.

use std::sync::Arc;
use std::time::Duration;

use crate::limits::LimitCounters;
use crate::transport::SocketOptions;
use crate::wire::TrustedProxies;

/// Settings of the accept loop.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long a connection may take to send the header section of a request: the first one from
    /// the accept on, later ones from their first byte on. Default: 10 s.
    pub header_timeout: Duration,
    /// How long a connection may be idle between two requests. It should be longer than what a proxy
    /// in front of the server keeps its own connections for. While more than half of `max_http`
    /// connections are open, it is at most `header_timeout`. Default: 75 s.
    pub keep_alive: Duration,
    /// Maximum number of connections that are neither WebSockets nor event streams, or not yet.
    /// Of those beyond it, 64 at a time are read from, so that health checks are answered; the
    /// others get 503. Default: 4096.
    pub max_http: usize,
    /// A connection that accepts no bytes for this long while some are queued is reset. Default:
    /// 30 s.
    pub write_timeout: Duration,
    /// The proxies in front of the server, whose word about the address of a client is believed.
    /// Default: none.
    pub trusted_proxies: TrustedProxies,
    /// Whether every connection begins with a PROXY header, of version 1 or 2. It has to arrive within
    /// 5 s, and peers that are no trusted proxies are closed. Default: no.
    pub proxy_protocol: bool,
    /// Counts the connections that are closed for lack of a PROXY header.
    pub limited: Arc<LimitCounters>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            max_http: 4096,
            write_timeout: SocketOptions::default().write_timeout,
            trusted_proxies: TrustedProxies::default(),
            proxy_protocol: false,
            limited: Arc::default(),
        }
    }
}

impl ServeOptions {
    /// The options of an accepted socket, until it becomes a WebSocket or an event stream.
    pub(super) fn socket(&self) -> SocketOptions {
        SocketOptions {
            user_timeout: self.write_timeout,
            write_timeout: self.write_timeout,
            ..SocketOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data that a peer does not acknowledge is like data that it does not accept.
    #[test]
    fn the_write_timeout_holds_for_the_kernel_too() {
        let options = ServeOptions {
            write_timeout: Duration::from_secs(7),
            ..ServeOptions::default()
        };
        let socket = options.socket();
        assert_eq!(socket.user_timeout, options.write_timeout);
        assert_eq!(socket.write_timeout, options.write_timeout);
    }
}
