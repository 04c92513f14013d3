//! The answer to a browser for which there is no event stream now.

use std::hash::{BuildHasher as _, RandomState};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::headers::stream_headers;
use crate::dialect::Dialect as _;
use crate::dialect::sse::{Encoder, EventStreamDialect, Positions};
use crate::protocol::{CloseCode, ErrorCode as Code, Refusal};

/// Whether the client says that it takes event streams, as a browser's `EventSource` does.
pub fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|types| {
        let types = types.to_str().unwrap_or_default();
        types.to_ascii_lowercase().contains("text/event-stream")
    })
}

/// A stream that says when to reconnect and why it ends, and ends. After any status but 200, an
/// `EventSource` would never reconnect. `None` if it should not.
pub fn unavailable(refusal: &Refusal) -> Option<Response> {
    let (Code::Draining | Code::TooManyConnections | Code::Overloaded | Code::KeysUnavailable) =
        refusal.code
    else {
        return None;
    };
    let jitter = RandomState::new().hash_one(()) as u32;
    let (positions, _) = Positions::new(&[], None);
    let mut encoder = Encoder::new(jitter, positions);
    let code = CloseCode::of_refused_connection(refusal.code);
    let close = EventStreamDialect.close(code, Some(refusal.detail()));
    encoder.records_mut().extend_from_slice(close.payload());
    let body = Body::from(encoder.next_chunk());
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    Some((stream_headers(), close, body).into_response())
}
