//! Which web pages may call the HTTP API.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Sent by readers of event streams that are not a browser's own.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The layer that allows these origins; none where there are none.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        // Every origin that the configuration accepts is a header's value.
        let values = origins.iter().filter_map(|origin| origin.parse().ok());
        AllowOrigin::list(values.collect::<Vec<HeaderValue>>())
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([CONTENT_TYPE, LAST_EVENT_ID]);
    Some(layer)
}
