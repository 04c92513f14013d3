//! What a request's header says about its body.

use axum::http::{HeaderMap, HeaderValue, header};

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
    let (mut found, mut is_encoded) = (None, false);
    // One pass costs less than two lookups.
    for (name, value) in headers {
        if name == header::CONTENT_TYPE {
            found = found.or(Some(value));
        } else if name == header::CONTENT_ENCODING {
            is_encoded |= !value
                .as_bytes()
                .trim_ascii()
                .eq_ignore_ascii_case(b"identity");
        }
    }
    if !found.is_some_and(|found| is_media_type(found, media_type)) {
        let detail = format!("send the header `Content-Type: {media_type}`");
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
    }
    if is_encoded {
        // Bodies are not decompressed: a small one could become a very large one.
        let detail = "send the body as it is: no `Content-Encoding` is accepted but `identity`";
        return Err(ApiError::new(ErrorCode::UnsupportedContentEncoding, detail));
    }
    Ok(())
}

/// Whether it is this media type, with any parameters.
fn is_media_type(value: &HeaderValue, media_type: &str) -> bool {
    let is_it = |value: &str| {
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(media_type)
    };
    value == media_type || value.to_str().is_ok_and(is_it)
}
