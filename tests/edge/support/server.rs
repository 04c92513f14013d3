//! The server under test, in this process, on its own listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::http::{ApiAccess, Routes, ServeOptions, serve, serve_tls};
use wavecast::node::Published;
use wavecast::transport::tls::TlsAcceptor;
use wavecast::{TopicRules, WebSocketConfig, WebSocketServer, transport};

use super::client::Client;
use super::http::{Response, request};
use super::patience::within;
use super::watchdog::watch;

/// The defaults with these changes, on two shards, so that errors between shards show.
pub fn config(change: impl FnOnce(&mut WebSocketConfig)) -> WebSocketConfig {
    watch();
    let mut config = WebSocketConfig::default();
    config.engine.shards = 2;
    change(&mut config);
    config
}

/// The configuration of a server that keeps no history.
pub fn without_history() -> WebSocketConfig {
    config(|config| config.topics = TopicRules::default())
}

/// Outboxes so large that no client is evicted, even if its reader does not run for a while.
pub fn large_outboxes() -> WebSocketConfig {
    config(|config| {
        config.outbox.messages = 10_000;
        config.outbox.bytes = 8 * 1024 * 1024;
    })
}

/// Publishes in this process, without HTTP.
pub async fn publish(
    server: &WebSocketServer,
    channel: &str,
    data: &(impl Serialize + ?Sized),
) -> Published {
    let published = within("a publication", server.publish(channel, data)).await;
    published.expect("publish")
}

/// A server that stops when it is dropped. It answers requests as the binary does.
pub struct TestServer {
    pub server: Arc<WebSocketServer>,
    pub address: SocketAddr,
    stop: CancellationToken,
}

impl TestServer {
    /// Starts a server and waits until every shard answers.
    pub async fn start(config: WebSocketConfig) -> Self {
        Self::start_with(config, ServeOptions::default()).await
    }

    /// A server with the defaults.
    pub async fn start_default() -> Self {
        Self::start(config(|_| {})).await
    }

    pub async fn start_with(config: WebSocketConfig, options: ServeOptions) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let routes = server.routes();
        Self::serve(server, routes, options).await
    }

    /// A server whose API these may call.
    pub async fn start_for(config: WebSocketConfig, access: ApiAccess) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let routes = server.routes_for(access);
        Self::serve(server, routes, ServeOptions::default()).await
    }

    /// The same, whose listener has these options.
    pub async fn start_for_with(
        config: WebSocketConfig,
        access: ApiAccess,
        options: ServeOptions,
    ) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let routes = server.routes_for(access);
        Self::serve(server, routes, options).await
    }

    /// The same, with every request through the router.
    pub async fn start_routed(config: WebSocketConfig, access: ApiAccess) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let routes = server.routes_for(access).without_short_way();
        Self::serve(server, routes, ServeOptions::default()).await
    }

    /// A server with TLS. Requests over HTTP need a client with TLS.
    pub fn start_tls(config: WebSocketConfig, options: ServeOptions, tls: TlsAcceptor) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let listener = transport::listen("127.0.0.1:0".parse().unwrap()).expect("listen");
        let address = listener.local_addr().expect("local address");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let listener = (listener, tls);
        let routes = server.routes();
        let serving = serve_tls(listener, routes, options, tasks.clone(), stop.clone());
        tasks.spawn(serving);
        Self {
            server,
            address,
            stop,
        }
    }

    /// A server as an application builds it, behind the application's router.
    pub async fn start_behind(server: Arc<WebSocketServer>, router: Router) -> Self {
        Self::serve(server, router.into(), ServeOptions::default()).await
    }

    pub async fn serve(
        server: Arc<WebSocketServer>,
        routes: Routes,
        options: ServeOptions,
    ) -> Self {
        let listener = transport::listen("127.0.0.1:0".parse().unwrap()).expect("listen");
        let address = listener.local_addr().expect("local address");
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(
            listener,
            routes,
            options,
            tasks.clone(),
            stop.clone(),
        ));
        let healthy = request(address, "GET", "/healthz", None).await;
        assert_eq!(healthy.status, 200, "{}", healthy.body);
        Self {
            server,
            address,
            stop,
        }
    }

    /// A connected client that is registered with the server.
    pub async fn connect(&self) -> Client {
        Client::connect(self.address, "/ws").await
    }

    pub async fn connect_as(&self, user: &str) -> Client {
        Client::connect(self.address, &format!("/ws?user={user}")).await
    }

    pub async fn connect_many(&self, count: usize) -> Vec<Client> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            clients.push(self.connect().await);
        }
        clients
    }

    pub async fn http(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        request(self.address, method, path, body).await
    }

    /// The body of a successful GET.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.http("GET", path, None).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.http("POST", path, Some(body)).await
    }

    /// Publishes `{"message": …}` over HTTP and returns the number of subscribers.
    pub async fn publish(&self, channel: &str, message: &str) -> u64 {
        let event = json!({"channel": channel, "data": {"message": message}});
        let response = self.post("/api/events", &event).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["subscribers"].as_u64().expect("a count")
    }

    /// Publishes in this process, without HTTP.
    pub async fn publish_data(&self, channel: &str, data: &(impl Serialize + ?Sized)) -> Published {
        publish(&self.server, channel, data).await
    }

    /// The number of links, which are the write sides of connections: zero once the server has
    /// released every socket.
    pub fn links(&self) -> usize {
        self.server.node().links()
    }

    /// The entry of a client in the list of connections.
    pub async fn connection_of(&self, client: &Client) -> Value {
        let list = self.get("/api/connections?limit=1000").await;
        let local = client.local_addr().to_string();
        let connections = list["connections"].as_array().expect("a list");
        let found = connections.iter().find(|found| found["remote"] == local);
        found.expect("the connection is listed").clone()
    }

    pub async fn id_of(&self, client: &Client) -> Uuid {
        let connection = self.connection_of(client).await;
        connection["id"].as_str().unwrap().parse().expect("a UUID")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
