//! The server under test, in this process, on the project's own listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::http::{ServeOptions, serve};
use wavecast::{WebSocketConfig, WebSocketServer, transport};

use super::client::Client;
use super::http::{Response, request};

/// The defaults, on two shards: what goes wrong between shards goes wrong here.
pub fn config(change: impl FnOnce(&mut WebSocketConfig)) -> WebSocketConfig {
    let mut config = WebSocketConfig {
        shards: 2,
        ..WebSocketConfig::default()
    };
    change(&mut config);
    config
}

/// Outboxes with room enough for a reader that gets no turn for a while, where nobody is
/// to be evicted.
pub fn roomy() -> WebSocketConfig {
    config(|config| {
        config.outbox_messages = 10_000;
        config.outbox_bytes = 8 * 1024 * 1024;
    })
}

/// Stops when dropped.
pub struct TestServer {
    pub server: Arc<WebSocketServer>,
    pub address: SocketAddr,
    stop: CancellationToken,
}

impl TestServer {
    /// Returns when every shard answers.
    pub async fn start(config: WebSocketConfig) -> Self {
        Self::start_with(config, ServeOptions::default()).await
    }

    /// A server with the defaults.
    pub async fn start_default() -> Self {
        Self::start(config(|_| {})).await
    }

    pub async fn start_with(config: WebSocketConfig, options: ServeOptions) -> Self {
        let server = Arc::new(WebSocketServer::new(config));
        let router = server.router();
        Self::serve(server, router, options).await
    }

    /// A server as an application builds it, behind the application's router.
    pub async fn start_behind(server: Arc<WebSocketServer>, router: Router) -> Self {
        Self::serve(server, router, ServeOptions::default()).await
    }

    async fn serve(server: Arc<WebSocketServer>, router: Router, options: ServeOptions) -> Self {
        let listener = transport::listen("127.0.0.1:0".parse().unwrap()).expect("listen");
        let address = listener.local_addr().expect("local address");
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(
            listener,
            router,
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

    /// A client that the server knows.
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

    /// Publishes `{"message": …}` and returns how many subscribers it was sent to.
    pub async fn publish(&self, channel: &str, message: &str) -> u64 {
        let event = json!({"channel": channel, "data": {"message": message}});
        let response = self.post("/api/events", &event).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["subscribers"].as_u64().expect("a count")
    }

    /// What the API shows of a client.
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
