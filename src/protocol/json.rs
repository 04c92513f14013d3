//! JSON values, kept as text.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The text is not valid JSON, or a value cannot be represented as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl JsonError {
    pub(crate) fn new(reason: &impl ToString) -> Self {
        Self(reason.to_string())
    }
}

/// A JSON value as text: as a client sent it, or compact. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// Encodes any serializable value.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        serde_json::to_string(value)
            .map(|text| Self(text.into()))
            .map_err(|error| JsonError::new(&error))
    }

    /// Appends the encoding of any serializable value to `text`.
    pub(crate) fn encode_into<T: Serialize + ?Sized>(
        text: &mut Vec<u8>,
        value: &T,
    ) -> Result<(), JsonError> {
        serde_json::to_writer(text, value).map_err(|error| JsonError::new(&error))
    }

    /// Decodes the value into any deserializable type. Fails on what the type cannot hold, and
    /// on nesting of more than 128 levels.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        serde_json::from_str(&self.0).map_err(|error| JsonError::new(&error))
    }

    /// The value as JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as JSON text.
    pub fn into_string(self) -> String {
        self.0.as_ref().into()
    }

    /// A value from text that the caller knows to be JSON.
    pub(crate) fn from_text(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string, quoted and escaped; not JSON text.
impl From<&str> for Json {
    fn from(text: &str) -> Self {
        let mut quoted = String::with_capacity(text.len() + 2);
        // Writing to a String cannot fail.
        let _ = push_string(&mut quoted, text);
        Self(quoted.into())
    }
}

/// Writes `text` as a JSON string. Writing to a `String` cannot fail.
pub(crate) fn push_string(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    // Nearly all text needs no escaping. This looks at many bytes at a time, `position` at one.
    let is_plain = !text.bytes().fold(false, |any, byte| any | is_escaped(byte));
    // Between two characters that need it, text is copied in one piece.
    while !is_plain && let Some(at) = rest.bytes().position(is_escaped) {
        out.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            control => write!(out, "\\u{control:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The text of a JSON string's content, if that is well-formed.
pub(crate) fn unescape(content: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{content}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let text = "tab\t quote\" back\\ bell\u{7} line\n\r ü 🙂";
        assert_eq!(
            Json::from(text).as_str(),
            serde_json::to_string(text).unwrap()
        );
    }
}
