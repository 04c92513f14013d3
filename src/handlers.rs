//! The handlers that an axum application mounts, and the whole edge as one router.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{any, get};

use crate::http;
use crate::protocol::{ErrorCode, Refusal, UserId};
use crate::server::WebSocketServer;
use crate::transport::sse::{self, SseRequest};
use crate::transport::websocket::WebSocketUpgrade;

impl WebSocketServer {
    /// The whole edge as one router: `/ws`, `/sse`, the HTTP API, health and the page.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            // Any method: the handshake's own check says what is wrong with the others.
            .route("/ws", any(ws_handler))
            .route("/sse", get(sse_handler).fallback(http::refuse_method))
            .with_state(self.clone())
            .merge(http::router(self.api()))
    }
}

#[derive(Debug, serde::Deserialize)]
struct UpgradeQuery {
    user: Option<String>,
}

/// Upgrades a request and serves the connection: mount it with
/// `.route("/ws", get(ws_handler))` and the server as state.
pub async fn ws_handler(
    ws: WebSocketUpgrade,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let user = match admit(&server, ws.uri()) {
        Ok(user) => user,
        Err(refusal) => return http::refuse(refusal),
    };
    let tasks = server.tasks.clone();
    let options = server.config().socket();
    ws.on_upgrade(&tasks, options, |stream| async move {
        server.open(stream, user).await
    })
}

/// Answers with a stream of events (`?channel=a&channel=b`): mount it with
/// `.route("/sse", get(sse_handler))` and the server as state.
///
/// Below [`serve`](crate::serve()) the stream leaves the HTTP library once it has
/// begun, and costs as little as a WebSocket. Below another server, `axum::serve` among
/// them, it is an ordinary body: on top of the outbox, hyper keeps 16 KiB of buffers for
/// it and takes up to 408 KiB that a stalled peer does not read, and a peer that has
/// vanished is noticed when these are full for `pong_timeout`, or by the kernel.
pub async fn sse_handler(
    request: SseRequest,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let user = match admit(&server, request.uri()) {
        Ok(user) => user,
        Err(refusal) => return http::refuse(refusal),
    };
    let options = server.config().socket();
    let node = server.node.clone();
    match sse::open(node, &server.tasks, request, user, options).await {
        Ok(response) => response,
        Err(refusal) => http::refuse(refusal),
    }
}

/// Checks that one more connection is welcome, and says whose it is.
fn admit(server: &WebSocketServer, uri: &Uri) -> Result<Option<UserId>, Refusal> {
    server.node.admit_connection()?;
    if !server.config().trust_user_parameter {
        return Ok(None);
    }
    let Query(query) =
        Query::<UpgradeQuery>::try_from_uri(uri).map_err(|_| ErrorCode::InvalidQuery)?;
    let user = query.user.map(|user| UserId::new(&user)).transpose();
    user.map_err(|_| ErrorCode::InvalidUser.into())
}
