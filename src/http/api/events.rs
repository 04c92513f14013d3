//! Publishes events.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header;
use serde::Serialize;
use tokio::time::timeout;

use super::Api;
use crate::dialect::native::{parse_publish_batch, parse_publish_request};
use crate::http::problem::ApiError;
use crate::node::Published;
use crate::protocol::{ErrorCode, Identity};

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub(super) struct PublishedBatch {
    events: Vec<Published>,
}

/// `POST /api/events`. The publisher is the [`Identity`] in the request's extensions.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Published, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let body = json_body(&api, request).await?;
    let request = parse_publish_request(&body)?;
    let deadline = api.node.policy_deadline();
    let request = api
        .node
        .review(publisher.as_ref(), request, deadline)
        .await?;
    Ok(api.node.publish(request).await?)
}

/// `POST /api/events/batch`: checks all events before it publishes the first, and publishes them
/// in order.
pub(super) async fn publish_batch(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Json<PublishedBatch>, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let body = json_body(&api, request).await?;
    let requests = parse_publish_batch(&body)?;
    let events = api.node.publish_batch(publisher.as_ref(), requests).await?;
    Ok(Json(PublishedBatch { events }))
}

/// Reads a JSON body, within limits of time and size. Requiring the JSON media type keeps out
/// forms on other websites: a browser sends a preflight request before it sends that type to
/// another origin.
async fn json_body(api: &Api, request: Request) -> Result<Vec<u8>, ApiError> {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let is_json = media_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "send the header `Content-Type: application/json`",
        ));
    }
    match timeout(
        BODY_TIMEOUT,
        read_body(request.into_body(), api.max_body_bytes),
    )
    .await
    {
        Ok(body) => body,
        Err(_elapsed) => Err(ApiError::new(
            ErrorCode::RequestTimeout,
            "the body did not arrive in time",
        )),
    }
}

async fn read_body(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    match to_bytes(body, limit).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(_too_long_or_broken) => Err(ApiError::new(
            ErrorCode::MessageTooLarge,
            format!("the body exceeds {limit} bytes or is incomplete"),
        )),
    }
}
