//! Publishes many events with one request.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Api;
use crate::dialect::native::parse_publish_batch;
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::{PublishError, Published};
use crate::protocol::{ErrorCode, Identity, Json as JsonText, PublishRequest, Refusal};

const NOT_TRIED: &str = "not tried, since an event before it was not published";

#[derive(Debug, Serialize)]
struct PublishedBatch {
    events: Vec<Published>,
}

/// What became of one event of a batch that was not published as a whole.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Item {
    Published(Published),
    Refused { error: ItemError },
}

#[derive(Debug, Serialize)]
struct ItemError {
    code: ErrorCode,
    detail: String,
}

impl Item {
    fn refused(refusal: &Refusal) -> Self {
        let error = ItemError {
            code: refusal.code,
            detail: refusal.to_string(),
        };
        Self::Refused { error }
    }
}

/// `POST /api/events/batch`: checks all events before it publishes the first, and publishes them
/// in order.
///
/// Backpressure: all events together wait for full mailboxes as long as one event may.
/// Errors: the first event that cannot be published in time ends the batch, so that the order is
/// kept when the rest is sent again. The answer says what became of each.
pub(super) async fn publish_batch(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let mut body = read_json(&api.bodies, api.max_body_bytes, request).await?;
    let requests = parse_publish_batch(&mut body.text)?;
    let accepted = review(&api, publisher.as_ref(), requests).await?;
    let deadline = api.node.publish_deadline();
    let count = accepted.len();
    let mut events = Vec::with_capacity(count);
    for request in accepted {
        match api.node.publish_before(request, deadline).await {
            Ok(event) => events.push(event),
            Err(error) => return Err(unfinished(events, error, count)),
        }
    }
    Ok(Json(PublishedBatch { events }).into_response())
}

/// Asks the policy and checks each event. One that is refused refuses them all.
async fn review(
    api: &Api,
    publisher: Option<&Identity>,
    requests: Vec<PublishRequest>,
) -> Result<Vec<PublishRequest>, ApiError> {
    let mut accepted = Vec::with_capacity(requests.len());
    // One for all: a slow policy does not hold a batch for a thousand times as long.
    let deadline = api.node.policy_deadline();
    for (index, request) in requests.into_iter().enumerate() {
        let review = api.node.review(publisher, request, deadline);
        let request = review.await.map_err(|refusal| at(index, &refusal))?;
        let check = api.node.check_publishable(&request);
        check.map_err(|error| at(index, &error.into()))?;
        accepted.push(request);
    }
    Ok(accepted)
}

fn at(index: usize, refusal: &Refusal) -> ApiError {
    ApiError::new(refusal.code, format!("events[{index}]: {refusal}"))
}

/// The answer when the event behind those that were published failed.
fn unfinished(published: Vec<Published>, error: PublishError, count: usize) -> ApiError {
    let refusal = Refusal::from(error);
    let answer = at(published.len(), &refusal);
    let mut items: Vec<Item> = published.into_iter().map(Item::Published).collect();
    items.push(Item::refused(&refusal));
    let not_tried = Refusal::new(refusal.code).with_detail(NOT_TRIED);
    items.resize_with(count, || Item::refused(&not_tried));
    match JsonText::encode(&items) {
        Ok(items) => answer.with_events(items),
        Err(_cannot_happen) => answer,
    }
}
