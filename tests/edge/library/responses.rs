//! Results and errors of the library, returned as responses by an application's handlers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;
use wavecast::{
    BroadcastError, DisconnectError, Health, HistoryError, HistoryLimits, HistoryRequest,
    JoinRoomError, Json, LeaveRoomError, PublishError, Published, SendError, ServerMessage,
    TopicKind, TopicOptions, TopicRules, WebSocketServer,
};

use crate::support::{Response, TestServer, config, request};

type Live = State<Arc<WebSocketServer>>;

async fn publish(
    State(live): Live,
    Path(channel): Path<String>,
) -> Result<Published, PublishError> {
    let event = live.event(&channel).name("order.created").id("o-17");
    event.data(&json!({"total": 9})).send().await
}

async fn history(State(live): Live, Path(channel): Path<String>) -> Result<Json, HistoryError> {
    live.channel_history(&channel, HistoryRequest::default())
}

async fn room_history(State(live): Live, Path(room): Path<String>) -> Result<Json, HistoryError> {
    live.room_history(&room, HistoryRequest::default())
}

async fn join(State(live): Live, Path(room): Path<String>) -> Result<String, JoinRoomError> {
    let members = live.join_room(&room, Uuid::now_v7()).await?;
    Ok(members.to_string())
}

async fn leave(State(live): Live, Path(room): Path<String>) -> Result<(), LeaveRoomError> {
    live.leave_room(&room, Uuid::nil()).await
}

async fn broadcast(State(live): Live, Path(room): Path<String>) -> Result<String, BroadcastError> {
    let sent = live.broadcast_to_room(&room, ServerMessage::Pong, None);
    Ok(sent.await?.to_string())
}

async fn health(State(live): Live) -> Health {
    live.health()
}

/// An application with a handler for each operation.
struct Application {
    live: Arc<WebSocketServer>,
    address: SocketAddr,
    /// Stops when the application is dropped.
    _server: JoinSet<std::io::Result<()>>,
}

impl Application {
    async fn start() -> Self {
        let live = Arc::new(WebSocketServer::new(config(|config| {
            config.max_clients_per_room = 1;
            let history = Some(HistoryLimits::default());
            let kept = TopicOptions {
                history,
                ..TopicOptions::default()
            };
            config.topics = TopicRules::default().with(TopicKind::Channel, "kept:*", kept);
        })));
        let app = Router::new()
            .route("/publish/{channel}", post(publish))
            .route("/history/{channel}", get(history))
            .route("/rooms/{room}/history", get(room_history))
            .route("/rooms/{room}/join", post(join))
            .route("/rooms/{room}/leave", post(leave))
            .route("/rooms/{room}/broadcast", post(broadcast))
            .route("/health", get(health))
            .route("/send", post(async || SendError::ShuttingDown))
            .route("/disconnect", post(async || DisconnectError::ShuttingDown))
            .with_state(live.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await });
        Self {
            live,
            address,
            _server: server,
        }
    }

    async fn get(&self, path: &str) -> Response {
        request(self.address, "GET", path, None).await
    }

    async fn post(&self, path: &str) -> Response {
        request(self.address, "POST", path, Some(&Value::Null)).await
    }
}

#[tokio::test]
async fn a_published_event_is_the_same_response_as_in_the_api() {
    let app = Application::start().await;
    let own = app.post("/publish/orders").await;
    let edge = TestServer::start_default().await;
    let event = json!({"channel": "orders", "id": "o-17", "data": {}});
    let api = edge.post("/api/events", &event).await;
    assert_eq!((own.status, api.status), (200, 200));
    assert_eq!(own.header("content-type"), api.header("content-type"));
    let at = |body: &Value| body["timestamp"].as_str().expect("a timestamp").to_owned();
    let shape = |at: &str| format!(r#"{{"id":"o-17","timestamp":"{at}","subscribers":0}}"#);
    assert_eq!(own.body, shape(&at(&own.json())));
    assert_eq!(api.body, shape(&at(&api.json())));

    let again = app.live.event("orders").id("o-17").send().await.unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), own.json());
    assert_eq!(again.to_string(), "o-17, 0 subscribers");
}

#[tokio::test]
async fn each_error_is_answered_as_problem_details() {
    let app = Application::start().await;
    assert_eq!(app.post("/rooms/general/join").await.body, "1");
    for (path, status, code, detail) in [
        (
            "/publish/%07",
            400,
            "invalid_channel",
            r#"invalid channel name "\u{7}": must not contain control characters"#,
        ),
        (
            "/publish/$system",
            403,
            "forbidden",
            "$system is reserved for the server's own notices",
        ),
        (
            "/rooms/$all/join",
            400,
            "invalid_room",
            "invalid room name: must not start with $, which is reserved",
        ),
        ("/rooms/general/join", 409, "room_full", "the room is full"),
        (
            "/rooms/general/leave",
            409,
            "not_in_room",
            "the client is not a member of the room",
        ),
        (
            "/rooms/%07/broadcast",
            400,
            "invalid_room",
            "invalid room name: must not contain control characters",
        ),
        ("/send", 503, "draining", "the server is shutting down"),
        (
            "/disconnect",
            503,
            "draining",
            "the server is shutting down",
        ),
    ] {
        let answer = app.post(path).await;
        assert_eq!(answer.expect_problem(status, code), detail, "{path}");
    }
    for (path, status, code) in [
        ("/history/%07", 400, "invalid_channel"),
        ("/history/orders", 409, "no_history"),
        ("/rooms/$all/history", 400, "invalid_room"),
        ("/rooms/general/history", 409, "no_history"),
    ] {
        app.get(path).await.expect_problem(status, code);
    }
}

#[tokio::test]
async fn a_problem_is_the_same_response_as_in_the_api() {
    let app = Application::start().await;
    app.live.drain().await;
    let edge = TestServer::start_default().await;
    edge.server.drain().await;
    let own = app.post("/publish/orders").await;
    let event = json!({"channel": "orders", "data": {}});
    let api = edge.post("/api/events", &event).await;
    own.expect_problem(503, "draining");
    assert_eq!(own.body, api.body);
    for header in ["content-type", "retry-after", "connection"] {
        assert_eq!(own.header(header), api.header(header), "{header}");
    }
    assert_eq!(own.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_page_of_history_is_json() {
    let app = Application::start().await;
    for number in 1..=2 {
        app.live.publish("kept:orders", &number).await.unwrap();
    }
    let page = app.get("/history/kept:orders").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let page = page.json();
    assert_eq!(page["channel"], "kept:orders");
    assert_eq!(page["items"][1]["data"]["value"], 2);
    assert_eq!(page["more"], false);
}

#[tokio::test]
async fn health_is_the_same_response_as_of_readyz() {
    let app = Application::start().await;
    assert_eq!(app.live.health(), Health::Ok);
    assert!(!app.live.is_draining());
    let ready = app.get("/health").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    app.live.drain().await;
    assert_eq!(app.live.health(), Health::Draining);
    assert!(app.live.is_draining());
    let draining = app.get("/health").await;
    assert_eq!(
        (draining.status, draining.body.as_str()),
        (503, "draining\n")
    );
}
