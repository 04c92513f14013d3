//! What a listener answers requests with.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::header::CONNECTION;
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tower_service::Service as _;

use super::request_body::{RequestBody, UnreadBody};
use crate::http::api::{Api, respond_to_publish};
use crate::http::problem::{ApiError, close_after};
use crate::node::lazy_timeout;
use crate::protocol::ErrorCode;

/// How long a request may take, including its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// What is answered without the router.
const PUBLISH_PATH: &str = "/api/events";

/// What a listener answers requests with: a router and, if that is the server's own and has no
/// layers, a short way to publish. Of what a pipelined event cost, this saves a quarter.
#[derive(Debug, Clone)]
pub struct Routes {
    router: Router,
    publish: Option<Arc<Api>>,
}

/// Every request goes through the router.
impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self {
            router,
            publish: None,
        }
    }
}

impl Routes {
    /// `POST /api/events` does not go through the router, which answers it in the same way.
    pub fn with_short_way(router: Router, api: Arc<Api>) -> Self {
        Self {
            router,
            publish: Some(api),
        }
    }

    /// Every request goes through the router, for this project's own tests.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn without_short_way(self) -> Self {
        self.router.into()
    }

    /// The API to publish with, if the request does not need the router.
    pub(super) fn short_way<B>(&self, request: &Request<B>) -> Option<Arc<Api>> {
        let publishes = request.uri().path() == PUBLISH_PATH && request.method() == Method::POST;
        self.publish.as_ref().filter(|_| publishes).cloned()
    }

    /// Passes a request to the router, with a timeout.
    pub(super) async fn respond(
        mut self,
        request: Request<Incoming>,
        unread: UnreadBody,
    ) -> Result<Response<Body>, Infallible> {
        let has_body = !request.body().is_end_stream();
        let request = if has_body {
            request.map(|body| Body::new(RequestBody::new(body, unread.clone())))
        } else {
            request.map(Body::new)
        };
        let response = timeout(REQUEST_TIMEOUT, self.router.call(request)).await;
        let mut response = response.unwrap_or_else(|_elapsed| Ok(too_late()));
        if let Ok(response) = &mut response
            && unread.is_recorded()
        {
            close_after(response);
        }
        response
    }
}

/// Publishes without the router, with the same timeout.
pub(super) async fn publish(
    api: Arc<Api>,
    peer: SocketAddr,
    request: Request<Incoming>,
    unread: UnreadBody,
) -> Result<Response<Body>, Infallible> {
    let deadline = || Instant::now() + REQUEST_TIMEOUT;
    let response = lazy_timeout(deadline, pin!(respond_to_publish(api, peer, request))).await;
    let response = response.unwrap_or_else(|_elapsed| too_late());
    if !response.status().is_success() && response.headers().contains_key(CONNECTION) {
        // It closes the connection because the body was not read.
        unread.record();
    }
    Ok(response)
}

fn too_late() -> Response<Body> {
    let refusal = ApiError::new(ErrorCode::RequestTimeout, "the request took too long");
    refusal.closing().into_response()
}
