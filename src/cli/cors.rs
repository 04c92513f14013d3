//! CORS: which web origins may call the HTTP API from a browser.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Set by scripts that read event streams without the browser's `EventSource`.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The layer that allows these origins, and keys if there are any. `None` if there are no origins.
pub(super) fn layer(origins: &[String], has_keys: bool) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        // Every origin that the configuration accepts is a valid header value.
        let values = origins.iter().filter_map(|origin| origin.parse().ok());
        AllowOrigin::list(values.collect::<Vec<HeaderValue>>())
    };
    let mut headers = vec![CONTENT_TYPE, LAST_EVENT_ID];
    if has_keys {
        headers.push(AUTHORIZATION);
    }
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers);
    Some(layer)
}
