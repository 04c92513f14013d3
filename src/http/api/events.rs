//! Publishes one event.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::dialect::native::parse_publish_request;
use crate::http::access::{Publisher, Scope};
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::node::Published;
use crate::protocol::Identity;

/// `POST /api/events`.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    publisher: Publisher,
    request: axum::extract::Request,
) -> Result<Published, ApiError> {
    publish_event(&api, &publisher, request).await
}

/// The response to `POST /api/events`, without a router.
pub(in crate::http) async fn respond_to_publish<B: HttpBody<Data = Bytes> + Unpin>(
    api: Arc<Api>,
    peer: SocketAddr,
    request: Request<B>,
) -> Response {
    let admitted = api.admit(Scope::Publish, &request, Some(peer));
    match admitted {
        Ok(publisher) => {
            let answer = publish_event(&api, &publisher, request).await;
            answer.into_response()
        }
        // The rest of the request is not read.
        Err(refusal) if !request.body().is_end_stream() => refusal.closing().into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// The [`Identity`] in the request's extensions is what the policy is told.
async fn publish_event<B: HttpBody<Data = Bytes> + Unpin>(
    api: &Api,
    publisher: &Publisher,
    request: Request<B>,
) -> Result<Published, ApiError> {
    let identity: Option<Identity> = request.extensions().get().cloned();
    let body = read_json(&api.node, &api.bodies, api.max_body_bytes, request).await?;
    let event = body.parse(parse_publish_request).await?;
    publisher.admit(&event)?;
    let event = api.node.review(identity.as_ref(), event, None).await?;
    Ok(api.node.publish(event).await?)
}
