//! Refusals as problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use std::borrow::Cow;
#[cfg(feature = "auth")]
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::hub::HubClosed;
use crate::node::PublishError;
use crate::protocol::{ErrorCode, Json, PROBLEM_MEDIA_TYPE, Problem, Refusal};

/// The `Retry-After` of 503 responses, and of others that do not know better, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// A refusal as an HTTP response.
#[derive(Debug)]
pub(super) struct ApiError {
    refusal: Refusal,
    /// What became of each event of a batch.
    events: Option<Json>,
    /// Whether the connection is closed after the response.
    closes: bool,
    /// What the response says about how to authenticate.
    challenge: Option<&'static str>,
    /// The `Retry-After`, in seconds.
    retry_after: Option<u32>,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(code).with_detail(detail).into()
    }

    /// The status of the response.
    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.refusal.code.http_status()
    }

    /// Whether the request brought no key or token that is accepted.
    pub(super) fn is_unauthenticated(&self) -> bool {
        self.refusal.code == ErrorCode::Unauthenticated
    }

    /// Closes the connection after the response: the rest of the request will not be read.
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Says how to authenticate ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).
    #[cfg(feature = "auth")]
    pub(super) fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Says when the request may be sent again, rounded up to whole seconds.
    #[cfg(feature = "auth")]
    pub(super) fn with_retry_after(mut self, time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        self.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1));
        self
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
            // If the connection were kept open, the shutdown could end it during a later request,
            // which would then get no response.
            closes: refusal.code == ErrorCode::Draining,
            retry_after: refusal.retry_after_ms().map(|time| time.div_ceil(1000)),
            refusal,
            events: None,
            challenge: None,
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
        let Self {
            refusal,
            events,
            closes,
            challenge,
            retry_after,
        } = self;
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
        let mut response = (status, media_type, Problem::PROTECTION, text).into_response();
        let is_temporary =
            status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS;
        if is_temporary {
            let default = || header::HeaderValue::from_static(RETRY_AFTER_SECONDS);
            let seconds = retry_after.map_or_else(default, Into::into);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if let Some(challenge) = challenge.or_else(|| challenge_of(refusal.code)) {
            let challenge = header::HeaderValue::from_static(challenge);
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if refusal.code == ErrorCode::UnsupportedContentEncoding {
            // RFC 9110 §12.5.3: what the request should have used.
            let identity = header::HeaderValue::from_static("identity");
            response
                .headers_mut()
                .insert(header::ACCEPT_ENCODING, identity);
        }
        if closes {
            close_after(&mut response);
        }
        response
    }
}

/// What a request without a valid token should have brought
/// ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
fn challenge_of(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::Unauthenticated => Some("Bearer"),
        ErrorCode::InvalidToken
        | ErrorCode::TokenExpired
        | ErrorCode::TokenNotYetValid
        | ErrorCode::TokenRevoked => Some("Bearer error=\"invalid_token\""),
        _ => None,
    }
}

/// A whole response, for a connection on which hyper gives none. The connection is closed after it.
pub(super) fn raw_problem(code: ErrorCode, detail: &str) -> Vec<u8> {
    let status = code.http_status();
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    let problem = Problem {
        code: code.as_str(),
        title: code.message(),
        status,
        detail,
    };
    let text = problem.to_json();
    let retry = if status == 503 {
        format!("retry-after: {RETRY_AFTER_SECONDS}\r\n")
    } else {
        String::new()
    };
    let protection = Problem::PROTECTION.map(|(name, value)| format!("{name}: {value}\r\n"));
    let protection = protection.concat();
    let response = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\n{protection}content-length: {}\r\n\
         {retry}connection: close\r\n\r\n{text}",
        reason.unwrap_or("Error"),
        text.len(),
    );
    response.into_bytes()
}

/// Tells the peer that the connection is closed after this response, so that it sends its next
/// request on another one ([RFC 9112 §9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).
pub(super) fn close_after(response: &mut Response) {
    let headers = response.headers_mut();
    let mut tokens = headers.get_all(header::CONNECTION).iter();
    if !tokens.any(|token| token == "close") {
        headers.append(
            header::CONNECTION,
            header::HeaderValue::from_static("close"),
        );
    }
}
