//! `GET /`: a page to try the server with.

use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use axum::response::Html;

/// The page is one file: nothing else may be loaded, and nothing may frame it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

pub(super) async fn page() -> ([(HeaderName, &'static str); 1], Html<&'static str>) {
    let headers = [(CONTENT_SECURITY_POLICY, POLICY)];
    (headers, Html(include_str!("page.html")))
}
