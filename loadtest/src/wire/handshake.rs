//! The client side of the opening handshake (RFC 6455 §4), without I/O.

use base64::{Engine, engine::general_purpose::STANDARD};
use httparse::Header;
use sha1::{Digest, Sha1};
use thiserror::Error;

/// Why the upgrade failed.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// The server answered with a status other than 101.
    #[error("http {0}")]
    Status(u16),
    /// `Sec-WebSocket-Accept` is missing or wrong (§4.2.2).
    #[error("wrong Sec-WebSocket-Accept")]
    Accept,
    /// The answer is not an HTTP response, or its head is too long.
    #[error("malformed response")]
    Malformed,
}

/// The upgrade request. `nonce` becomes the key and need not be secret; `headers` are further lines, each with its end.
pub(crate) fn request(host: &str, path: &str, headers: &str, nonce: u128) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n",
        key(nonce)
    )
    .into_bytes()
}

/// The length of the response head, or `None` while it is incomplete. Frames follow it.
pub(crate) fn response(bytes: &[u8], nonce: u128) -> Result<Option<usize>, HandshakeError> {
    let accept = accept(&key(nonce));
    let is_accepted = |headers: &[Header<'_>]| {
        headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("sec-websocket-accept")
                && header.value == accept.as_bytes()
        })
    };
    match response_head(bytes, 101, is_accepted)? {
        None => Ok(None),
        Some((length, true)) => Ok(Some(length)),
        Some((_, false)) => Err(HandshakeError::Accept),
    }
}

/// The length of a response head and what `read` finds in its headers, or `None` while it is incomplete.
///
/// # Errors
/// It has another status, or it is not a response.
pub(super) fn response_head<T>(
    bytes: &[u8],
    expected: u16,
    read: impl FnOnce(&[Header<'_>]) -> T,
) -> Result<Option<(usize, T)>, HandshakeError> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(HandshakeError::Malformed),
    };
    match response.code {
        Some(status) if status == expected => Ok(Some((length, read(response.headers)))),
        Some(status) => Err(HandshakeError::Status(status)),
        None => Err(HandshakeError::Malformed),
    }
}

/// The `Sec-WebSocket-Accept` value for a key.
pub(crate) fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

fn key(nonce: u128) -> String {
    STANDARD.encode(nonce.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_example_of_the_rfc() {
        // RFC 6455 §1.3.
        let nonce = u128::from_be_bytes(*b"the sample nonce");
        assert_eq!(key(nonce), "dGhlIHNhbXBsZSBub25jZQ==");
        let good = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x89\x00";
        assert_eq!(response(good, nonce), Ok(Some(good.len() - 2)));
        assert_eq!(response(&good[..40], nonce), Ok(None));
        assert_eq!(response(good, nonce + 1), Err(HandshakeError::Accept));
    }

    #[test]
    fn names_the_status_of_a_refusal() {
        let busy = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(response(busy, 0), Err(HandshakeError::Status(503)));
        assert_eq!(
            response(b"SSH-2.0-x\r\n\r\n", 0),
            Err(HandshakeError::Malformed)
        );
    }
}
