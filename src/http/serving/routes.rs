//! What a listener answers requests with.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tower_service::Service as _;

use crate::http::api::{Api, respond_to_publish};
use crate::http::problem::ApiError;
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

    /// The API to publish with, if the request does not need the router.
    pub(super) fn short_way<B>(&self, request: &Request<B>) -> Option<Arc<Api>> {
        let publishes = request.uri().path() == PUBLISH_PATH && request.method() == Method::POST;
        self.publish.as_ref().filter(|_| publishes).cloned()
    }

    /// Passes a request to the router, with a timeout.
    pub(super) async fn respond(
        mut self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let response = self.router.call(request.map(Body::new));
        let response = timeout(REQUEST_TIMEOUT, response).await;
        response.unwrap_or_else(|_elapsed| Ok(too_late()))
    }
}

/// Publishes without the router, with the same timeout.
pub(super) async fn publish(
    api: Arc<Api>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let deadline = || Instant::now() + REQUEST_TIMEOUT;
    let response = lazy_timeout(deadline, pin!(respond_to_publish(api, request))).await;
    Ok(response.unwrap_or_else(|_elapsed| too_late()))
}

fn too_late() -> Response<Body> {
    ApiError::new(ErrorCode::RequestTimeout, "the request took too long").into_response()
}
