//! The server of an axum application.

mod channels;
mod clients;
mod restart;
mod rooms;
mod serving;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::config::{ConfigError, WebSocketConfig};
use crate::dialect::Dialects;
#[cfg(feature = "internals")]
use crate::http::Routes;
use crate::http::{Api, ApiAccess, BodyBudget, Health, Lists, ServeOptions};
use crate::hub::{ClientInfo, Hub, HubOptions, Observers};
use crate::limits::Limit;
use crate::node::Node;
use crate::node::policy::Policy;
use crate::session::NativeSession;
use crate::transport::websocket::{self, Stream};

/// A server of rooms and channels for clients that connect over WebSocket or server-sent events.
///
/// Create it once and share it in an [`Arc`]: as the state of [`ws_handler`](crate::ws_handler)
/// and [`sse_handler`](crate::sse_handler), and with everything in the application that
/// publishes. The [front page](crate) has an example.
///
/// Dropping it does not close connections; [`drain`](Self::drain) does.
#[derive(Debug)]
pub struct WebSocketServer {
    pub(crate) node: Arc<Node>,
    /// The tasks of the server and its connections.
    pub(crate) tasks: TaskTracker,
    config: WebSocketConfig,
    bodies: Arc<BodyBudget>,
    lists: Arc<Lists>,
    started: Instant,
}

/// Starting, serving and shutting down.
impl WebSocketServer {
    /// Starts a server on the current Tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, and if the configuration is invalid: see
    /// [`try_new`](Self::try_new).
    pub fn new(config: WebSocketConfig) -> Self {
        match Self::try_new(config) {
            Ok(server) => server,
            Err(error) => panic!("invalid configuration: {error}"),
        }
    }

    /// Starts a server on the current Tokio runtime, unless the configuration is invalid.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn try_new(config: WebSocketConfig) -> Result<Self, ConfigError> {
        Self::assemble(config, Observers::default(), None)
    }

    /// Starts a server with the application's observers and policy.
    pub(crate) fn assemble(
        config: WebSocketConfig,
        observers: Observers,
        policy: Option<Arc<dyn Policy>>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let tasks = TaskTracker::new();
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        let options = HubOptions {
            observers,
            ..config.hub(workers)
        };
        let hub = Hub::new(&options, Dialects::default(), &tasks);
        let node = match policy {
            Some(policy) => Node::with_policy(hub, config.node(), policy),
            None => Node::new(hub, config.node()),
        };
        let publish = &config.publish;
        let node = Arc::new(node);
        node.watch_expiry(&tasks, config.drain.rate);
        Ok(Self {
            node,
            tasks,
            bodies: BodyBudget::new(publish.bodies_total.max(publish.max_body_size)),
            lists: Arc::default(),
            config,
            started: Instant::now(),
        })
    }

    /// How its listeners accept connections.
    pub(crate) fn serve_options(&self) -> ServeOptions {
        ServeOptions {
            limited: self.node.metrics().limited.clone(),
            ..self.config.serve()
        }
    }

    /// The number of refusals since the start, by the limit that was reached.
    pub fn limited(&self) -> impl Iterator<Item = (Limit, u64)> {
        self.node.metrics().limited.all()
    }

    /// The configuration.
    pub fn config(&self) -> &WebSocketConfig {
        &self.config
    }

    /// The state that the HTTP API's handlers share.
    pub(crate) fn api(&self, access: ApiAccess) -> Arc<Api> {
        Arc::new(Api {
            node: self.node.clone(),
            access,
            max_body_bytes: self.config.publish.max_body_size,
            bodies: self.bodies.clone(),
            tasks: self.tasks.clone(),
            lists: self.lists.clone(),
            #[cfg(feature = "tls")]
            tls: std::sync::OnceLock::new(),
            started: self.started,
            ping_interval: self.config.ping_interval,
            pong_timeout: self.config.pong_timeout,
        })
    }

    /// Serves a connection until it ends, starting after its opening handshake. If the policy
    /// refuses it, the peer gets a Close frame.
    ///
    /// Cancel safety: none. If the future is dropped, the client stays in its rooms. Run it on
    /// a task of its own.
    pub async fn handle_connection(&self, stream: impl Into<Stream>) {
        let stream = stream.into();
        let info = ClientInfo {
            remote: stream.as_tcp().and_then(|socket| socket.peer_addr().ok()),
            ..ClientInfo::default()
        };
        let node = self.node.clone();
        let opened = websocket::open(
            self.node.clone(),
            &self.tasks,
            (stream, Bytes::new()),
            info,
            self.config.wire(),
            |client| NativeSession::new(node, client),
        );
        if let Some(connection) = opened.await {
            connection.run().await;
        }
    }

    /// Whether the server is healthy and accepts new connections and events.
    pub fn health(&self) -> Health {
        Health::of(&self.node)
    }

    /// Returns when a shard has panicked and its clients are lost. Log it and exit, so that a
    /// supervisor can restart the process; the `wavecast` binary exits with code 70.
    pub async fn failed(&self) {
        self.node.failed().await;
    }

    /// Whether the server is shutting down: [`drain`](Self::drain) was called.
    pub fn is_draining(&self) -> bool {
        self.node.is_draining()
    }

    /// Shuts down without losing anything, and returns the number of connections that were
    /// still open when the drain timeout (30 seconds by default) passed.
    ///
    /// From the call on, no connection and no event is accepted. Events that were already
    /// accepted are delivered. Every client gets a notice on `$system`, and its connection is
    /// closed with code 1001, at a limited rate. Stop the HTTP server only afterwards, so that it
    /// can answer (503) during the drain.
    ///
    /// Cancel safety: if the future is dropped, the server still accepts nothing new, but closes
    /// no further connections. Call it again to continue.
    pub async fn drain(&self) -> usize {
        self.node.drain(&self.config.drain()).await
    }
}

/// For this project's own tests and benchmarks.
#[cfg(feature = "internals")]
impl WebSocketServer {
    /// What the binary's listeners answer requests with, if everyone may call the API.
    pub fn routes(self: &Arc<Self>) -> Routes {
        self.routes_for(ApiAccess::Open)
    }

    /// What the binary's listeners answer requests with.
    pub fn routes_for(self: &Arc<Self>, access: ApiAccess) -> Routes {
        let api = self.api(access);
        Routes::with_short_way(self.router_of(api.clone()), api)
    }

    /// The node underneath.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The tasks of the server and its connections.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}
