//! Values that a handler may return as they are, here and in an application.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};

use crate::node::Published;
use crate::protocol::Json;

/// For answers of the API: they are about now.
pub(super) const NOT_CACHED: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// 200 with the object that `POST /api/events` answers, not to be cached.
impl IntoResponse for Published {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json()));
        let media_type = HeaderValue::from_static("application/json");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// 200 with the value as `application/json`, not to be cached.
impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.into_string()).into_response()
    }
}
