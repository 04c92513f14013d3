//! The HTTP API: publishing, history, lists and statistics.

mod batch;
mod connections;
mod events;
mod history;
mod lists;
mod query;
mod revocations;
mod stream;
mod topics;
mod unread;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{delete, get, post};
use tokio_util::task::TaskTracker;

pub(super) use self::events::respond_to_publish;
pub use self::lists::Lists;
use crate::http::body::BodyBudget;
use crate::node::Node;

/// The state that the API's handlers share.
#[derive(Debug)]
pub struct Api {
    /// The node behind the API.
    pub node: Arc<Node>,
    /// Maximum size of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Bytes that the bodies of all requests share.
    pub bodies: Arc<BodyBudget>,
    /// The tasks of the server.
    pub tasks: TaskTracker,
    /// The lists that the server makes.
    pub lists: Arc<Lists>,
    /// When the server started.
    pub started: Instant,
    /// Time between two pings to a client, for the statistics.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping, for the statistics.
    pub pong_timeout: Duration,
}

/// The routes below `/api/`.
pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/events", post(events::publish))
        .route("/api/events/batch", post(batch::publish_batch))
        .route("/api/events/stream", post(stream::publish_stream))
        .route("/api/stats", get(topics::stats))
        .route("/api/channels", get(topics::channels))
        .route("/api/channels/{name}/history", get(history::of_channel))
        .route(
            "/api/revocations",
            get(revocations::list).post(revocations::revoke),
        )
        .route("/api/revocations/{id}", delete(revocations::take_back))
        .route("/api/rooms", get(topics::rooms))
        .route("/api/rooms/{name}/history", get(history::of_room))
        .route("/api/connections", get(connections::list))
        .route(
            "/api/connections/{id}",
            get(connections::show).delete(connections::close),
        )
}
