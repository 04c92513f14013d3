//! The server's answer to an opening handshake.

use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha1::{Digest, Sha1};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept`, 28 characters of base64
/// ([RFC 6455 §4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptKey([u8; 28]);

impl AcceptKey {
    /// Computes the answer to a `Sec-WebSocket-Key`. Returns `None` if the key is not the base64 of exactly 16 bytes.
    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        // Decoding writes whole groups of three bytes.
        let nonce = STANDARD.decode_slice(key, &mut [0; 18]);
        if key.len() != 24 || nonce != Ok(16) {
            return None;
        }
        let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
        let mut accept = [0; 28];
        let written = STANDARD.encode_slice(digest, &mut accept);
        (written == Ok(28)).then_some(Self(accept))
    }

    /// The value as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("base64 is ascii")
    }
}

impl AsRef<str> for AcceptKey {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Deref for AcceptKey {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<AcceptKey> for HeaderValue {
    fn from(key: AcceptKey) -> Self {
        HeaderValue::from_bytes(&key.0).expect("base64 is a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_the_example_of_the_rfc() {
        let accept = AcceptKey::from_key(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(&*accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(HeaderValue::from(accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn rejects_a_key_that_is_not_16_bytes_of_base64() {
        let keys: [&[u8]; 8] = [
            b"",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25j",
            b"dGhlIHNhbXBsZSBub25jZSE=",
            b"dGhlIHNhbXBsZSBub25jZSEh",
            b"dGhlIHNhbXBsZSBub25jZ===",
            b"dGhlIHNhbXBsZSBub2\xffjZQ==",
            b"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
        ];
        for key in keys {
            assert_eq!(AcceptKey::from_key(key), None, "{}", key.escape_ascii());
        }
    }
}
