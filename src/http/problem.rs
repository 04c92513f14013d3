//! Refusals as problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use std::borrow::Cow;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::hub::HubClosed;
use crate::node::PublishError;
use crate::protocol::{ErrorCode, Json, PROBLEM_MEDIA_TYPE, Problem, Refusal};

/// The `Retry-After` of 503 responses, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// A refusal as an HTTP response.
#[derive(Debug)]
pub(super) struct ApiError {
    refusal: Refusal,
    /// What became of each event of a batch.
    events: Option<Json>,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(code).with_detail(detail).into()
    }

    /// Adds the member `events` to the problem.
    pub(super) fn with_events(mut self, events: Json) -> Self {
        self.events = Some(events);
        self
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            events: None,
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Refusal::from(code).into()
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<HubClosed> for ApiError {
    fn from(error: HubClosed) -> Self {
        Self::new(ErrorCode::Draining, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { refusal, events } = self;
        let status = StatusCode::from_u16(refusal.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem {
            code: refusal.code.as_str(),
            title: refusal.code.message(),
            status: status.as_u16(),
            detail: refusal.detail(),
        };
        let mut text = problem.to_json();
        if let Some(events) = events {
            // An extension member (RFC 9457 §3.2), as the last of the object.
            text.pop();
            text.push_str(",\"events\":");
            text.push_str(events.as_str());
            text.push('}');
        }
        let media_type = [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE)];
        let mut response = (status, media_type, text).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = header::HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if refusal.code == ErrorCode::Draining {
            // If the connection were kept open, the shutdown could end it during a later request,
            // which would then get no response.
            let close = header::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}
