//! Which web pages may connect to an application that mounts the handlers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use wavecast::{
    AllowedOrigins, CheckedOrigin, WebSocketServer, WebSocketUpgrade, sse_handler, ws_handler,
};

use crate::support::{HANDSHAKE, config, dial, read_head};

const EVIL: &str = "Host: edge.example\r\nOrigin: https://app.example.evil\r\n";
const LISTED: &str = "Host: edge.example\r\nOrigin: https://app.example\r\n";
const TWICE: &str =
    "Host: edge.example\r\nOrigin: https://app.example\r\nOrigin: https://app.example\r\n";

async fn own_handler(
    _: CheckedOrigin,
    ws: WebSocketUpgrade,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    server.upgrade(ws, None).await
}

/// The statuses of `/ws`, `/own` and `/sse` of an application for a request with these headers.
async fn statuses(origins: Option<AllowedOrigins>, headers: &str) -> Vec<String> {
    let server = WebSocketServer::new(config(|config| config.origins = origins));
    let app = Router::new()
        .route("/ws", get(ws_handler))
        .route("/own", get(own_handler))
        .route("/sse", get(sse_handler))
        .with_state(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await });
    let upgrade = HANDSHAKE.replacen("Host: localhost\r\n", headers, 1);
    let requests = [
        upgrade.clone(),
        upgrade.replacen("/ws", "/own", 1),
        format!("GET /sse?channel=a HTTP/1.1\r\n{headers}\r\n"),
    ];
    let mut statuses = Vec::new();
    for request in requests {
        let mut socket = dial(address).await;
        socket.write_all(request.as_bytes()).await.expect("write");
        let head = read_head(&mut socket).await;
        statuses.push(head.split(' ').nth(1).unwrap_or_default().to_owned());
    }
    statuses
}

#[tokio::test]
async fn by_default_the_application_decides() {
    for headers in [EVIL, LISTED, TWICE] {
        assert_eq!(statuses(None, headers).await, ["101", "101", "200"]);
    }
}

#[tokio::test]
async fn with_origins_the_handlers_refuse_all_other_pages() {
    let origins = || AllowedOrigins::new(["https://app.example"]).ok();
    assert_eq!(statuses(origins(), EVIL).await, ["403", "403", "403"]);
    assert_eq!(statuses(origins(), TWICE).await, ["400", "400", "400"]);
    assert_eq!(statuses(origins(), LISTED).await, ["101", "101", "200"]);
    let none = "Host: edge.example\r\n";
    assert_eq!(statuses(origins(), none).await, ["101", "101", "200"]);
}
