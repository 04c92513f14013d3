//! Publishes one event.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::dialect::native::parse_publish_request;
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::Published;
use crate::protocol::Identity;

/// `POST /api/events`.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    request: axum::extract::Request,
) -> Result<Published, ApiError> {
    publish_event(&api, request).await
}

/// The response to `POST /api/events`, without a router.
pub(in crate::http) async fn respond_to_publish<B: HttpBody<Data = Bytes> + Unpin>(
    api: Arc<Api>,
    request: Request<B>,
) -> Response {
    publish_event(&api, request).await.into_response()
}

/// The publisher is the [`Identity`] in the request's extensions.
async fn publish_event<B: HttpBody<Data = Bytes> + Unpin>(
    api: &Api,
    request: Request<B>,
) -> Result<Published, ApiError> {
    let publisher: Option<Identity> = request.extensions().get().cloned();
    let body = read_json(&api.node, &api.bodies, api.max_body_bytes, request).await?;
    let request = body.parse(parse_publish_request).await?;
    let request = api.node.review(publisher.as_ref(), request, None).await?;
    Ok(api.node.publish(request).await?)
}
