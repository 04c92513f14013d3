//! The media type of a request's body.

use axum::http::{HeaderMap, header};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// Checks that the body has this media type, whatever its parameters. Requiring one that HTML
/// forms cannot send keeps out other websites: before a browser sends such a type to another
/// origin, it makes a preflight request.
///
/// Errors: 415.
pub(in crate::http) fn require_media_type(
    headers: &HeaderMap,
    required: &'static str,
) -> Result<(), ApiError> {
    let media_type = headers.get(header::CONTENT_TYPE);
    if media_type.is_some_and(|value| value == required) {
        return Ok(());
    }
    let is_required = media_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(required));
    if is_required {
        return Ok(());
    }
    let detail = format!("send the header `Content-Type: {required}`");
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail))
}
