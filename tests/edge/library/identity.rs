//! A client's identity, as set by the application's middleware or by its own handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use wavecast::{Identity, SseRequest, UserId, WebSocketConfig, WebSocketServer, WebSocketUpgrade};

use crate::support::{Client, EventSource, TestServer, config, read_head, upgrade_request};

/// An application's login middleware, which trusts a header.
pub async fn login(mut request: Request, next: Next) -> Response {
    let name = request.headers().get("x-user");
    if let Some(name) = name.and_then(|name| name.to_str().ok()) {
        let user = UserId::new(name).expect("a user");
        request.extensions_mut().insert(Identity::new(user));
    }
    next.run(request).await
}

async fn start(config: WebSocketConfig) -> TestServer {
    let server = Arc::new(WebSocketServer::new(config));
    let router = server.router().layer(from_fn(login));
    TestServer::start_behind(server, router).await
}

/// A client that is logged in as `user`.
pub async fn connect_as(server: &TestServer, path: &str, user: &str) -> Client {
    let mut client = Client::dial(server.address).await;
    let request = upgrade_request(path);
    let login = format!("Host: localhost\r\nX-User: {user}\r\n");
    let request = request.replacen("Host: localhost\r\n", &login, 1);
    client.send(request.as_bytes()).await;
    client.expect_upgrade().await;
    client.expect_silence().await;
    client
}

async fn to_user(server: &TestServer, user: &str) -> Value {
    let event = json!({"user": user, "data": {"message": "yours"}});
    server.post("/api/events", &event).await.json()
}

#[tokio::test]
async fn an_identity_in_the_request_names_a_websocket() {
    let server = start(config(|_| {})).await;
    let mut ada = connect_as(&server, "/ws", "ada").await;
    let mut anybody = server.connect().await;
    ada.join("general", 1).await;
    anybody.join("general", 2).await;
    ada.next_text().await;
    ada.say("general", "hi").await;
    anybody
        .expect_text(r#"{"type":"message","room":"general","from":"ada","content":"hi"}"#)
        .await;
    assert_eq!(server.connection_of(&ada).await["user"], "ada");
    assert_eq!(server.connection_of(&anybody).await["user"], Value::Null);
    assert_eq!(to_user(&server, "ada").await["subscribers"], 1);
    ada.expect_event("$user:ada", "yours").await;
    anybody.expect_silence().await;
}

#[tokio::test]
async fn an_identity_in_the_request_names_an_event_stream() {
    let server = start(config(|_| {})).await;
    let login = "X-User: ada\r\n";
    let mut ada = EventSource::open_with(server.address, "/sse?channel=news", login).await;
    ada.expect_subscribed(&["news"]).await;
    let mut anybody = EventSource::open(server.address, "/sse?channel=news").await;
    anybody.expect_subscribed(&["news"]).await;
    assert_eq!(to_user(&server, "ada").await["subscribers"], 1);
    let event = ada.next_json().await;
    assert_eq!(event["channel"], "$user:ada");
    assert_eq!(event["data"]["message"], "yours");
    server.publish("news", "to both").await;
    assert_eq!(anybody.next_json().await["channel"], "news");
}

#[tokio::test]
async fn the_user_parameter_is_trusted_only_without_an_identity() {
    let server = start(config(|config| config.trust_user_parameter = true)).await;
    let ada = connect_as(&server, "/ws?user=eve", "ada").await;
    let bob = server.connect_as("bob").await;
    assert_eq!(server.connection_of(&ada).await["user"], "ada");
    assert_eq!(server.connection_of(&bob).await["user"], "bob");
    let strict = start(config(|_| {})).await;
    let eve = strict.connect_as("ada").await;
    assert_eq!(strict.connection_of(&eve).await["user"], Value::Null);
}

/// A handler that decides who connects: the user is the last segment of the path.
async fn own_ws(
    ws: WebSocketUpgrade,
    Path(name): Path<String>,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let identity = UserId::new(&name).ok().map(Identity::new);
    let identity = identity.filter(|_| name != "nobody");
    server.upgrade(ws, identity).await
}

async fn own_stream(
    request: SseRequest,
    Path(name): Path<String>,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let user = UserId::new(&name).expect("a user");
    server.event_stream(request, Identity::new(user)).await
}

async fn start_own(config: WebSocketConfig) -> TestServer {
    let server = Arc::new(WebSocketServer::new(config));
    let router = Router::new()
        .route("/live/{name}", get(own_ws))
        .route("/events/{name}", get(own_stream))
        .with_state(server.clone())
        .merge(server.router())
        .layer(from_fn(login));
    TestServer::start_behind(server, router).await
}

#[tokio::test]
async fn an_applications_own_handler_decides_who_connects() {
    let server = start_own(config(|config| config.trust_user_parameter = true)).await;
    let mut ada = Client::connect(server.address, "/live/ada?user=eve").await;
    // Only the handler's identity counts, and nothing else in the request.
    let mut nobody = connect_as(&server, "/live/nobody?user=eve", "mallory").await;
    let mut stream = EventSource::open(server.address, "/events/ada?channel=news").await;
    stream.expect_subscribed(&["news"]).await;
    assert_eq!(server.connection_of(&nobody).await["user"], Value::Null);
    assert_eq!(to_user(&server, "ada").await["subscribers"], 2);
    ada.expect_event("$user:ada", "yours").await;
    assert_eq!(stream.next_json().await["channel"], "$user:ada");
    nobody.expect_silence().await;
}

#[tokio::test]
async fn an_applications_own_handler_answers_for_a_full_server() {
    let server = start_own(config(|config| config.connections.max = 1)).await;
    let _ada = Client::connect(server.address, "/live/ada").await;
    let mut late = Client::dial(server.address).await;
    late.send(upgrade_request("/live/bob").as_bytes()).await;
    let head = read_head(late.stream()).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    let refused = server.http("GET", "/events/bob?channel=news", None).await;
    refused.expect_problem(503, "too_many_connections");
}
