//! HTTP: the accept loop, the API, health checks, the start page, and problem details.

mod access;
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

pub use access::ApiAccess;
#[cfg(feature = "auth")]
pub use access::LocalOnly;
pub use api::{Api, Lists};
use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
pub use body::BodyBudget;
pub use health::Health;
#[cfg(any(feature = "cli", feature = "internals"))]
pub use serving::Routes;
#[cfg(feature = "cli")]
pub(crate) use serving::serve_all;
#[cfg(all(feature = "internals", feature = "tls"))]
pub use serving::serve_tls;
pub use serving::{ServeOptions, serve};

use self::problem::ApiError;
use crate::protocol::Refusal;

/// The routes of the API, the health checks, the JavaScript client and, if wanted, the start page.
pub fn router(api: Arc<Api>, has_start_page: bool) -> Router {
    let page = page::routes(has_start_page);
    let routes = health::routes().merge(api::routes()).merge(page);
    finish(routes.into_router().fallback(unmatched::refuse_path), api)
}

/// The same without the API, and so without the start page, which uses it.
#[cfg(feature = "cli")]
pub(crate) fn router_without_api(api: Arc<Api>) -> Router {
    let routes = health::routes().merge(page::routes(false)).into_router();
    finish(routes.fallback(unmatched::refuse_any_path), api)
}

fn finish(router: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    router
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
