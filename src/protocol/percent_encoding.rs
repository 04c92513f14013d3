//! Percent-encoded text in URIs ([RFC 3986 §2.1](https://www.rfc-editor.org/rfc/rfc3986#section-2.1)).

/// Why a path or a query is refused.
pub(crate) const NOT_TEXT: &str = "it is not UTF-8 once its percent-encoding is decoded";

/// Whether a path or a query is UTF-8 once it is decoded. Other bytes would all become the same
/// replacement character, and so two names one. A `%` that is not followed by two hexadecimal digits
/// stands for itself.
pub(crate) fn decodes_to_text(encoded: &str) -> bool {
    !encoded.contains('%') || std::str::from_utf8(&decoded(encoded)).is_ok()
}

/// The text that a part of a query stands for. What is not UTF-8 becomes replacement characters.
pub(crate) fn percent_decoded(encoded: &str) -> String {
    String::from_utf8_lossy(&decoded(encoded)).into_owned()
}

fn decoded(encoded: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        decoded.push(byte);
        if let (b'%', Some(escaped)) = (byte, behind.get(..2).and_then(escaped_byte)) {
            decoded.pop();
            decoded.push(escaped);
            rest = &behind[2..];
        }
    }
    decoded
}

fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let mut byte = 0;
    for &digit in digits {
        byte = byte * 16 + char::from(digit).to_digit(16)?;
    }
    u8::try_from(byte).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decodes_to_utf_8_is_text() {
        for text in [
            "",
            "a=b&c",
            "%41",
            "%C3%BC",
            "%f0%9f%8d%b5",
            "ü",
            "100%",
            "%zz",
            "%4",
            "%%41",
        ] {
            assert!(decodes_to_text(text), "{text}");
        }
        for other in [
            "%FF",
            "a%fe",
            "%C3",
            "%C3&%BC",
            "%ED%A0%80",
            "%%FF",
            "%C0%80",
        ] {
            assert!(!decodes_to_text(other), "{other}");
        }
    }
}
