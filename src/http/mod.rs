//! HTTP: the accept loop, the API, health checks, the start page, and problem details.

mod answer;
mod api;
mod body;
mod health;
mod page;
mod problem;
mod serving;
mod unmatched;
mod uri;

use std::sync::Arc;

pub use api::{Api, Lists};
use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
pub use body::BodyBudget;
pub use health::Health;
#[cfg(any(feature = "cli", feature = "internals"))]
pub use serving::Routes;
#[cfg(feature = "cli")]
pub(crate) use serving::serve_all;
pub use serving::{ServeOptions, serve};

use self::problem::ApiError;
use crate::protocol::Refusal;

/// The routes of the API, the health checks, the JavaScript client and, if wanted, the start page.
pub fn router(api: Arc<Api>, has_start_page: bool) -> Router {
    Router::new()
        .merge(page::routes(has_start_page))
        .merge(api::routes())
        .route("/health", get(health::health))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(unmatched::refuse_path)
        .method_not_allowed_fallback(unmatched::refuse_method)
        .with_state(api)
}

/// The response to a method that the path does not support.
pub(crate) async fn refuse_method(uri: Uri) -> Response {
    unmatched::refuse_method(uri).await.into_response()
}

/// The response to a refused request.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    ApiError::from(refusal).into_response()
}
