//! Publishes many events with one request.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Api;
use crate::dialect::native::parse_publish_batch;
use crate::http::access::Publisher;
use crate::http::answer::NOT_CACHED;
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::{BatchError, PublishError, Published};
use crate::protocol::{ErrorCode, Identity, Json as JsonText, Refusal};

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

/// `POST /api/events/batch`: publishes all events in order, or none if one is refused.
///
/// Errors: if an event cannot be published in time, the answer says what became of each.
pub(super) async fn publish_batch(
    State(api): State<Arc<Api>>,
    publisher: Publisher,
    request: Request,
) -> Result<Response, ApiError> {
    let identity: Option<Identity> = request.extensions().get().cloned();
    let body = read_json(&api.node, &api.bodies, api.max_body_bytes, request).await?;
    let requests = body.parse(parse_publish_batch).await?;
    for (index, event) in requests.iter().enumerate() {
        let allowed = publisher.may_publish(event);
        allowed.map_err(|refusal| at(index, &refusal))?;
    }
    publisher.charge(&requests)?;
    let count = requests.len();
    match api.node.publish_batch(identity.as_ref(), requests).await {
        Ok(events) => Ok((NOT_CACHED, Json(PublishedBatch { events })).into_response()),
        Err(BatchError::Refused { index, refusal }) => Err(at(index, &refusal)),
        Err(BatchError::Unfinished { published, error }) => {
            Err(unfinished(published, error, count))
        }
    }
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
