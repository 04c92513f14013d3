//! The HTTP API: publishing, what can be seen of the server, health, the page.

mod connections;
mod events;
mod health;
mod history;
mod page;
mod problem;
mod query;
mod serve;
mod topics;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
pub use serve::{ServeOptions, serve};

use self::problem::ApiError;
use crate::node::Node;
use crate::protocol::ErrorCode;

/// What the API's handlers share.
#[derive(Debug)]
pub struct Api {
    /// The node it speaks for.
    pub node: Arc<Node>,
    /// Bytes a request's body may have.
    pub max_body_bytes: usize,
    /// When the server started.
    pub started: Instant,
}

/// The routes of the API, the page among them.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/wavecast.js", get(page::client))
        .route("/wavecast/{*module}", get(page::client_module))
        .route("/api/events", post(events::publish))
        .route("/api/events/batch", post(events::publish_batch))
        .route("/api/stats", get(topics::stats))
        .route("/api/channels", get(topics::channels))
        .route("/api/channels/{name}/history", get(history::of_channel))
        .route("/api/rooms", get(topics::rooms))
        .route("/api/rooms/{name}/history", get(history::of_room))
        .route("/api/connections", get(connections::list))
        .route(
            "/api/connections/{id}",
            get(connections::show).delete(connections::close),
        )
        .route("/health", get(health::health))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(async || ApiError::new(ErrorCode::NotFound, "there is nothing at this address"))
        .method_not_allowed_fallback(refuse_method)
        .with_state(api)
}

/// The response that refuses a method where another would do.
pub(crate) async fn refuse_method() -> Response {
    refuse_with(
        ErrorCode::MethodNotAllowed,
        "this address does not take this method",
    )
}

/// The response that refuses a request.
pub(crate) fn refuse(code: ErrorCode) -> Response {
    refuse_with(code, code.message())
}

/// The response that refuses a request and says what exactly was wrong.
pub(crate) fn refuse_with(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Response {
    ApiError::new(code, detail).into_response()
}
