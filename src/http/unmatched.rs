//! Requests that no route answers: the path is unknown, or does not support the method.

use axum::http::Uri;

use super::problem::ApiError;
use crate::protocol::{ErrorCode, did_you_mean, nearest};

/// The paths and what they support. `{}` is a name; the path of a WebSocket answers every method.
const ROUTES: [(&str, &str); 26] = [
    ("/ws", "GET"),
    ("/sse", "GET"),
    ("/api/events", "POST"),
    ("/api/events/batch", "POST"),
    ("/api/events/stream", "POST"),
    ("/api/stats", "GET"),
    ("/api/channels", "GET"),
    ("/api/channels/{}/history", "GET"),
    ("/api/channels/{}/presence", "GET"),
    ("/api/rooms", "GET"),
    ("/api/rooms/{}/history", "GET"),
    ("/api/rooms/{}/presence", "GET"),
    ("/api/revocations", "GET or POST"),
    ("/api/revocations/{}", "DELETE"),
    ("/api/users", "GET"),
    ("/api/users/{}", "GET or DELETE"),
    ("/api/connections", "GET"),
    ("/api/connections/{}", "GET or DELETE"),
    ("/health", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/wavecast.js", "GET"),
    ("/wavecast.iife.js", "GET"),
    ("/wavecast/{}/{}", "GET"),
    ("/page/{}", "GET"),
    ("/", "GET"),
];
/// What an unknown path is answered with.
const NOTHING: &str = "there is nothing at this path";
/// What people leave out.
const API: &str = "/api";

/// The response to an unknown path.
pub(super) async fn refuse_path(uri: Uri) -> ApiError {
    let path = uri.path();
    let known = || ROUTES.iter().map(|(path, _)| *path);
    let meant = nearest(path, known()).or_else(|| nearest(&format!("{API}{path}"), known()));
    let end = did_you_mean(meant.filter(|path| !path.contains('{')));
    let detail = format!("{NOTHING}{end}");
    ApiError::new(ErrorCode::NotFound, detail)
}

/// The response to an unknown path where there is no API.
#[cfg(feature = "cli")]
pub(super) async fn refuse_any_path() -> ApiError {
    ApiError::new(ErrorCode::NotFound, NOTHING)
}

/// The response to a method that the path does not support.
pub(super) async fn refuse_method(uri: Uri) -> ApiError {
    let detail = "this path does not support this method";
    match ROUTES.iter().find(|(route, _)| matches(route, uri.path())) {
        Some((_, methods)) => {
            let detail = format!("{detail}; use {methods}");
            ApiError::new(ErrorCode::MethodNotAllowed, detail)
        }
        None => ApiError::new(ErrorCode::MethodNotAllowed, detail),
    }
}

fn matches(route: &str, path: &str) -> bool {
    let (mut expected, mut given) = (route.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some("{}"), Some(name)) if !name.is_empty() => {}
            (Some(expected), Some(given)) if expected == given => {}
            _ => return false,
        }
    }
}
