//! The compact form of a token, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Maximum length of a token in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The parts of a token (RFC 7515 §7.1), decoded; nothing in them is verified yet.
#[derive(Debug, PartialEq)]
pub(super) struct CompactToken<'a> {
    /// The JSON text of the header.
    pub(super) header: String,
    /// The JSON text of the claims.
    pub(super) claims: String,
    /// What is signed: the first two parts as they were sent.
    pub(super) signed: &'a [u8],
    /// Never empty.
    pub(super) signature: Vec<u8>,
}

impl<'a> CompactToken<'a> {
    /// Takes a token apart. Errors: which rule it breaks.
    pub(super) fn parse(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err("longer than 8 KiB");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or("not three parts")?;
        let (header, claims) = signed.split_once('.').ok_or("not three parts")?;
        // An encrypted token has five (RFC 7516 §7.1).
        if claims.contains('.') {
            return Err("not three parts");
        }
        let signature = decode_base64url(signature).ok_or("the signature is not base64url")?;
        if signature.is_empty() {
            return Err("no signature");
        }
        Ok(Self {
            header: text(header).ok_or("the header is not base64url of text")?,
            claims: text(claims).ok_or("the claims are not base64url of text")?,
            signed: signed.as_bytes(),
            signature,
        })
    }
}

/// The claims of a token as they were sent, verified or not.
pub(crate) fn claims_text(token: &str) -> Option<String> {
    CompactToken::parse(token).ok().map(|token| token.claims)
}

/// Decodes base64url as RFC 7515 §2 wants it: no padding, no white space, and no bits that are left
/// over, so that each value has one spelling.
pub(in crate::auth) fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes base64url without padding.
pub(super) fn encode_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(part: &str) -> Option<String> {
    String::from_utf8(decode_base64url(part)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_apart() {
        let parsed = CompactToken::parse("e30.W10.AQI").unwrap();
        assert_eq!((&*parsed.header, &*parsed.claims), ("{}", "[]"));
        assert_eq!(
            (parsed.signed, &*parsed.signature),
            (&b"e30.W10"[..], &[1, 2][..])
        );
    }

    #[test]
    fn only_three_parts_of_strict_base64url_are_a_token() {
        for token in [
            "",
            ".",
            "..",
            "e30",
            "e30.e30",
            "e30.e30.",
            "e30.e30.AQI.AQI",
            "a.b.c.d.e",
            // Padding, white space, the other alphabet, bits that are left over.
            "e30=.e30.AQI",
            "e30.e30=.AQI",
            "e30.e30.AQ==",
            " e30.e30.AQI",
            "e30.e30.AQI\n",
            "e30.e30.A+I_",
            "e30.e30.A/I-",
            "e30.e30.AQJ",
            "e31.e30.AQI",
            "e30.e30.A",
            // Not UTF-8.
            "_w.e30.AQI",
            "e30._w.AQI",
        ] {
            assert!(CompactToken::parse(token).is_err(), "{token:?}");
        }
    }

    #[test]
    fn a_token_has_at_most_8_kib() {
        let token = |len: usize| format!("e30.{}.AQI", "AAAA".repeat(len));
        let longest = token((MAX_TOKEN_BYTES - 8) / 4);
        assert_eq!(longest.len(), MAX_TOKEN_BYTES);
        assert!(CompactToken::parse(&longest).is_ok());
        assert!(CompactToken::parse(&token((MAX_TOKEN_BYTES - 8) / 4 + 1)).is_err());
    }
}
