//! Publishes events.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;

use super::Api;
use crate::dialect::native::{parse_publish_batch, parse_publish_request};
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::Published;
use crate::protocol::{Identity, Refusal};

#[derive(Debug, Serialize)]
pub(super) struct PublishedBatch {
    events: Vec<Published>,
}

/// `POST /api/events`. An [`Identity`] in the request's extensions is the publisher's.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Published, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let mut body = read_json(&api.bodies, api.max_body_bytes, request).await?;
    let request = parse_publish_request(&mut body.text)?;
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
    let mut body = read_json(&api.bodies, api.max_body_bytes, request).await?;
    let requests = parse_publish_batch(&mut body.text)?;
    let mut accepted = Vec::with_capacity(requests.len());
    // One for all: a slow policy does not hold a batch for a thousand times as long.
    let deadline = api.node.policy_deadline();
    for (index, request) in requests.into_iter().enumerate() {
        let refuse =
            |refusal: Refusal| ApiError::new(refusal.code, format!("events[{index}]: {refusal}"));
        let review = api.node.review(publisher.as_ref(), request, deadline);
        let request = review.await.map_err(refuse)?;
        let check = api.node.check_publishable(&request);
        check.map_err(|error| refuse(error.into()))?;
        accepted.push(request);
    }
    let mut events = Vec::with_capacity(accepted.len());
    for request in accepted {
        events.push(api.node.publish(request).await?);
    }
    Ok(Json(PublishedBatch { events }))
}
