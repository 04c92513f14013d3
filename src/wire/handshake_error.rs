//! Why a request is not upgraded.

use http::header::{ALLOW, CONNECTION, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use thiserror::Error;

/// A request that is not a valid opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// Any method but GET.
    #[error("method is not GET")]
    Method,
    /// Any version but HTTP/1.1.
    #[error("http version is not 1.1")]
    HttpVersion,
    /// `Host` is missing, empty, or there twice.
    #[error("exactly one Host header is required")]
    Host,
    /// The request declares a body.
    #[error("request has a body")]
    Body,
    /// `Upgrade` does not name `websocket`.
    #[error("Upgrade header does not name websocket")]
    Upgrade,
    /// `Connection` does not name `upgrade`, so that `Upgrade` does not count
    /// ([RFC 9110 §7.8](https://www.rfc-editor.org/rfc/rfc9110#section-7.8)).
    #[error("Connection header does not name upgrade")]
    Connection,
    /// `Sec-WebSocket-Version` is not 13, missing, or there twice.
    #[error("Sec-WebSocket-Version is not 13")]
    Version,
    /// `Sec-WebSocket-Key` is missing, there twice, or not the base64 of 16 bytes.
    #[error("exactly one Sec-WebSocket-Key of 16 bytes is required")]
    Key,
}

impl HandshakeError {
    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Connection | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion | Self::Host | Self::Body | Self::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// A stable name for programs.
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

    /// Headers that the answer must have: `Allow` with 405
    /// ([RFC 9110 §15.5.6](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6)), and with 426 what to upgrade to
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
