//! Checks a client's opening handshake.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Version};

use super::{AcceptKey, HandshakeError};

/// Checks an opening handshake strictly ([RFC 6455 §4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1)) and
/// returns the value of `Sec-WebSocket-Accept`.
///
/// Also rejects requests that a proxy might interpret differently: those with a body in any form, or with more than
/// one `Host`. Checking the `Origin` is up to the caller.
pub fn check_handshake(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<AcceptKey, HandshakeError> {
    if method != Method::GET {
        return Err(HandshakeError::Method);
    }
    // HTTP/2 has its own handshake (RFC 8441), and HTTP/1.0 has none.
    if version != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion);
    }
    if single_value(headers, &HOST).is_none_or(<[u8]>::is_empty) {
        return Err(HandshakeError::Host);
    }
    if has_body(headers) {
        return Err(HandshakeError::Body);
    }
    if !contains_token(headers, &UPGRADE, b"websocket") {
        return Err(HandshakeError::Upgrade);
    }
    if !contains_token(headers, &CONNECTION, b"upgrade") {
        return Err(HandshakeError::Connection);
    }
    if single_value(headers, &SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(HandshakeError::Version);
    }
    single_value(headers, &SEC_WEBSOCKET_KEY)
        .and_then(AcceptKey::from_key)
        .ok_or(HandshakeError::Key)
}

/// The value of a header that occurs exactly once.
fn single_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| value.as_bytes().trim_ascii())
}

/// Whether a list header contains `token`, ignoring case, in any of its occurrences.
fn contains_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    let mut lines = headers.get_all(name).iter();
    lines.any(|line| {
        let mut tokens = line.as_bytes().split(|byte| *byte == b',');
        tokens.any(|candidate| candidate.trim_ascii().eq_ignore_ascii_case(token))
    })
}

fn has_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING)
        || lengths.any(|length| length.as_bytes().trim_ascii() != b"0")
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    type Line<'a> = (&'a str, &'a [u8]);

    const VALID: [Line<'_>; 5] = [
        ("host", b"server.example.com"),
        ("upgrade", b"websocket"),
        ("connection", b"Upgrade"),
        ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", b"13"),
    ];

    fn headers(lines: &[Line<'_>]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        headers
    }

    fn check(lines: &[Line<'_>]) -> Result<AcceptKey, HandshakeError> {
        check_handshake(&Method::GET, Version::HTTP_11, &headers(lines))
    }

    /// Checks the valid request with the header `name` replaced by `lines`.
    fn check_with(name: &str, lines: &[Line<'_>]) -> Result<AcceptKey, HandshakeError> {
        let kept = VALID.into_iter().filter(|(kept, _)| *kept != name);
        check(&kept.chain(lines.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn accepts_the_example_of_the_rfc() {
        assert_eq!(&*check(&VALID).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn finds_tokens_in_any_case_and_on_any_line() {
        assert!(check_with("upgrade", &[("upgrade", b"h2c, WebSocket")]).is_ok());
        assert!(check_with("upgrade", &[("upgrade", b"h2c"), ("upgrade", b"WEBSOCKET")]).is_ok());
        assert!(check_with("connection", &[("connection", b"keep-alive ,\tUPGRADE")]).is_ok());
        assert!(check_with("", &[("content-length", b"0")]).is_ok());
    }

    #[test]
    fn rejects_other_methods_and_versions() {
        let headers = headers(&VALID);
        let check = |method, version| check_handshake(&method, version, &headers);
        assert_eq!(
            check(Method::POST, Version::HTTP_11),
            Err(HandshakeError::Method)
        );
        assert_eq!(
            check(Method::GET, Version::HTTP_10),
            Err(HandshakeError::HttpVersion)
        );
        assert_eq!(
            check(Method::GET, Version::HTTP_2),
            Err(HandshakeError::HttpVersion)
        );
    }

    #[test]
    fn rejects_every_missing_header() {
        let errors = [
            ("host", HandshakeError::Host),
            ("upgrade", HandshakeError::Upgrade),
            ("connection", HandshakeError::Connection),
            ("sec-websocket-version", HandshakeError::Version),
            ("sec-websocket-key", HandshakeError::Key),
        ];
        for (name, error) in errors {
            assert_eq!(check_with(name, &[]), Err(error), "{name}");
        }
    }

    #[test]
    fn rejects_every_invalid_header() {
        let key: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
        let cases: [(&str, &[Line<'_>], HandshakeError); 14] = [
            ("host", &[("host", b"")], HandshakeError::Host),
            ("", &[("host", b"other.example.com")], HandshakeError::Host),
            ("", &[("content-length", b"5")], HandshakeError::Body),
            ("", &[("content-length", b"+0")], HandshakeError::Body),
            (
                "",
                &[("transfer-encoding", b"chunked")],
                HandshakeError::Body,
            ),
            (
                "",
                &[("content-length", b"0"), ("transfer-encoding", b"chunked")],
                HandshakeError::Body,
            ),
            (
                "upgrade",
                &[("upgrade", b"websockets")],
                HandshakeError::Upgrade,
            ),
            (
                "upgrade",
                &[("upgrade", b"\xff\xfe")],
                HandshakeError::Upgrade,
            ),
            (
                "connection",
                &[("connection", b"keep-alive")],
                HandshakeError::Connection,
            ),
            (
                "sec-websocket-version",
                &[("sec-websocket-version", b"8")],
                HandshakeError::Version,
            ),
            (
                "",
                &[("sec-websocket-version", b"13")],
                HandshakeError::Version,
            ),
            ("", &[("sec-websocket-key", key)], HandshakeError::Key),
            (
                "sec-websocket-key",
                &[("sec-websocket-key", b"")],
                HandshakeError::Key,
            ),
            (
                "sec-websocket-key",
                &[("sec-websocket-key", b"\xe9")],
                HandshakeError::Key,
            ),
        ];
        for (without, lines, error) in cases {
            assert_eq!(check_with(without, lines), Err(error), "{lines:?}");
        }
    }

    #[test]
    fn the_response_says_what_the_client_should_send_instead() {
        for error in [
            HandshakeError::Upgrade,
            HandshakeError::Connection,
            HandshakeError::Version,
        ] {
            assert_eq!(error.status(), StatusCode::UPGRADE_REQUIRED);
            assert_eq!(error.headers()["sec-websocket-version"], "13");
            assert_eq!(error.headers()["upgrade"], "websocket");
        }
        assert_eq!(
            HandshakeError::Method.status(),
            StatusCode::METHOD_NOT_ALLOWED
        );
        assert_eq!(HandshakeError::Method.headers()["allow"], "GET");
        assert!(HandshakeError::Key.headers().is_empty());
    }
}
