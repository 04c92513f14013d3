//! Why an opening handshake is rejected.

use http::header::{ALLOW, CONNECTION, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use thiserror::Error;

/// Why a request is not a valid opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The method is not GET.
    #[error("the method is not GET")]
    Method,
    /// The version is not HTTP/1.1.
    #[error("the version is not HTTP/1.1")]
    HttpVersion,
    /// `Host` is missing, empty or repeated.
    #[error("exactly one Host header is required")]
    Host,
    /// The request declares a body.
    #[error("the request has a body")]
    Body,
    /// `Upgrade` does not contain `websocket`.
    #[error("the Upgrade header does not contain websocket")]
    Upgrade,
    /// `Connection` does not contain `upgrade`, without which `Upgrade` has no effect
    /// ([RFC 9110 §7.8](https://www.rfc-editor.org/rfc/rfc9110#section-7.8)).
    #[error("the Connection header does not contain upgrade")]
    Connection,
    /// `Sec-WebSocket-Version` is missing, repeated or not 13.
    #[error("Sec-WebSocket-Version is not 13")]
    Version,
    /// `Sec-WebSocket-Key` is missing, repeated or not the base64 of 16 bytes.
    #[error("exactly one Sec-WebSocket-Key of 16 bytes is required")]
    Key,
}

impl HandshakeError {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Connection | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Host | Self::Body | Self::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// What the code means, for a person.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Method => "Method not allowed",
            Self::HttpVersion => "Unsupported HTTP version",
            Self::Host => "Invalid host",
            Self::Body => "Unexpected body",
            Self::Upgrade => "Upgrade required",
            Self::Connection => "Connection upgrade required",
            Self::Version => "Unsupported WebSocket version",
            Self::Key => "Invalid WebSocket key",
        }
    }

    /// The stable code in the response.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::HttpVersion => "unsupported_http_version",
            Self::Host => "invalid_host",
            Self::Body => "unexpected_body",
            Self::Upgrade => "upgrade_required",
            Self::Connection => "connection_upgrade_required",
            Self::Version => "unsupported_websocket_version",
            Self::Key => "invalid_websocket_key",
        }
    }

    /// Headers that the response must have: `Allow` with 405
    /// ([RFC 9110 §15.5.6](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6)), and the protocol and version to
    /// upgrade to with 426
    /// ([RFC 9110 §15.5.22](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22),
    /// [RFC 6455 §4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2)).
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self.status() {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        headers
    }
}
