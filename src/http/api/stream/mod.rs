//! Publishes events as they arrive, and answers each while the request goes on.

mod answers;
mod publishing;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use self::answers::Wanted;
use self::publishing::Publishing;
use super::Api;
use crate::http::access::Publisher;
use crate::http::body::{BodyLines, require_content};
use crate::http::problem::ApiError;
use crate::http::uri::read_query;
use crate::node::PublishStream;
use crate::protocol::{ErrorCode, Identity};

/// Of the request and of the response: JSON values, one per line.
const MEDIA_TYPE: &str = "application/x-ndjson";

/// `?answers=all`, which is the default, or `?answers=errors`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    #[serde(default)]
    answers: Wanted,
}

impl<S: Send + Sync> FromRequestParts<S> for StreamQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read_query(&parts.uri)
    }
}

/// `POST /api/events/stream`: publishes the event on each line of the request and answers with a
/// line for each. The response begins at once and ends after the request, or when a drain begins.
///
/// Ordering: events reach each of their channels in the order of the lines.
///
/// Backpressure: lines are not read before there is room for the answers to those before them.
///
/// Errors: a line that is refused is answered with the reason, and the next one is read.
pub(super) async fn publish_stream(
    State(api): State<Arc<Api>>,
    publisher: Publisher,
    query: StreamQuery,
    request: Request,
) -> Result<Response, ApiError> {
    require_content(request.headers(), MEDIA_TYPE)?;
    if api.node.is_draining() {
        return Err(ErrorCode::Draining.into());
    }
    let identity: Option<Identity> = request.extensions().get().cloned();
    let awaits_invitation = request.headers().contains_key(header::EXPECT);
    let mut lines = BodyLines::new(request.into_body(), api.max_body_bytes, &api.bodies);
    if awaits_invitation {
        lines.invite().await?;
    }
    let stream = PublishStream::new(api.node.clone(), identity);
    let source = (lines, publisher);
    let publishing = Publishing::new(source, stream, query.answers, api.tasks.clone());
    let headers = [
        (header::CONTENT_TYPE, MEDIA_TYPE),
        // A proxy that compresses would hold answers back.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        // Keeps nginx from buffering the answers.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(publishing)).into_response())
}
