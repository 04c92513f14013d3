//! Health checks: whether the shards work, and whether the server accepts new work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::api::{Api, ApiRouter};
use crate::node::Node;

const UNHEALTHY: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "unhealthy\n");

/// Whether a server works and takes new connections and events.
///
/// As the response of an axum handler it is what `GET /readyz` answers: 200 if
/// [`Ok`](Self::Ok), otherwise 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Every shard works, and new connections and events are accepted.
    Ok,
    /// The server is shutting down: it works, but accepts nothing new.
    Draining,
    /// A shard does not work.
    Unhealthy,
}

impl Health {
    /// The health of a node.
    pub fn of(node: &Node) -> Self {
        if !node.is_alive() {
            return Self::Unhealthy;
        }
        if node.is_draining() {
            Self::Draining
        } else {
            Self::Ok
        }
    }
}

impl IntoResponse for Health {
    fn into_response(self) -> Response {
        let ready = match self {
            Self::Ok => (StatusCode::OK, "ready\n"),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            Self::Unhealthy => UNHEALTHY,
        };
        ready.into_response()
    }
}

/// The health checks. They are open to everyone, and say no more than they do.
pub(super) fn routes() -> ApiRouter {
    ApiRouter::default()
        .open("/health", health)
        .open("/healthz", healthz)
        .open("/readyz", readyz)
}

#[derive(Debug, Serialize)]
struct HealthReport {
    status: Health,
    version: &'static str,
}

/// `GET /health`: status and version, for people.
async fn health(State(api): State<Arc<Api>>) -> (StatusCode, Json<HealthReport>) {
    let status = Health::of(&api.node);
    let code = match status {
        Health::Ok | Health::Draining => StatusCode::OK,
        Health::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let version = env!("CARGO_PKG_VERSION");
    (code, Json(HealthReport { status, version }))
}

/// `GET /healthz`: liveness. The server is alive if every shard works, even while it drains.
async fn healthz(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    match Health::of(&api.node) {
        Health::Ok | Health::Draining => (StatusCode::OK, "ok\n"),
        Health::Unhealthy => UNHEALTHY,
    }
}

/// `GET /readyz`: readiness for new connections and events.
async fn readyz(State(api): State<Arc<Api>>) -> Health {
    Health::of(&api.node)
}
