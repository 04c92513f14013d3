//! Health checks: whether the shards answer, and whether the server accepts new work.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;

use super::api::Api;

/// How long the shards have to answer. Beyond this, the server is unhealthy.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Draining,
    Unhealthy,
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: Status,
    version: &'static str,
}

async fn status(api: &Api) -> Status {
    match timeout(PROBE_TIMEOUT, api.node.probe()).await {
        Ok(Ok(())) if api.node.is_draining() => Status::Draining,
        Ok(Ok(())) => Status::Ok,
        Ok(Err(_)) | Err(_) => Status::Unhealthy,
    }
}

/// `GET /health`: status and version, for people.
pub(super) async fn health(State(api): State<Arc<Api>>) -> (StatusCode, Json<Health>) {
    let status = status(&api).await;
    let code = match status {
        Status::Ok | Status::Draining => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let version = env!("CARGO_PKG_VERSION");
    (code, Json(Health { status, version }))
}

/// `GET /healthz`: liveness. The server is alive if every shard answers, even while it drains.
pub(super) async fn healthz(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    match status(&api).await {
        Status::Ok | Status::Draining => (StatusCode::OK, "ok\n"),
        Status::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy\n"),
    }
}

/// `GET /readyz`: readiness for new connections and events.
pub(super) async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    match status(&api).await {
        Status::Ok => (StatusCode::OK, "ready\n"),
        Status::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        Status::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy\n"),
    }
}
