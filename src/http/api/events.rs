//! Publishes one event.

use std::sync::Arc;

use axum::extract::{Request, State};

use super::Api;
use crate::dialect::native::parse_publish_request;
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::Published;
use crate::protocol::Identity;

/// `POST /api/events`. The publisher is the [`Identity`] in the request's extensions.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Published, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let body = read_json(&api.bodies, api.max_body_bytes, request).await?;
    let request = body.parse(parse_publish_request).await?;
    let deadline = api.node.policy_deadline();
    let request = api
        .node
        .review(publisher.as_ref(), request, deadline)
        .await?;
    Ok(api.node.publish(request).await?)
}
