//! What a request's header says about its body.

use axum::http::{HeaderMap, header};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// What a publisher is told when a body is not what its header announced.
pub(super) const BROKEN_BODY: &str = "the body ended early, or its chunks are invalid";

/// Checks that the body has this media type, whatever its parameters, and no content encoding.
///
/// Requiring a media type that HTML forms cannot send keeps out other websites: before a browser
/// sends such a type to another origin, it makes a preflight request.
///
/// Errors: 415.
pub(in crate::http) fn require_content(
    headers: &HeaderMap,
    media_type: &'static str,
) -> Result<(), ApiError> {
    require_media_type(headers, media_type)?;
    refuse_encoding(headers)
}

fn require_media_type(headers: &HeaderMap, required: &'static str) -> Result<(), ApiError> {
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

/// Bodies are not decompressed: a small one could become a very large one.
fn refuse_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let is_identity = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"identity");
    if encodings.all(|value| is_identity(value.as_bytes())) {
        return Ok(());
    }
    let detail = "send the body as it is: no `Content-Encoding` is accepted but `identity`";
    Err(ApiError::new(ErrorCode::UnsupportedContentEncoding, detail))
}
