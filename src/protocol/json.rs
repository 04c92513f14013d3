//! JSON in and out: the only user of the parser.

use std::cell::RefCell;

use serde::Serialize;
use simd_json::prelude::Writable;
use simd_json::tape::Value;
use simd_json::{Buffers, Tape};

/// Deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 64;
/// Scratch kept between messages; a larger message's scratch is given back.
const KEPT_SCRATCH_BYTES: usize = 64 * 1024;

/// The text is no JSON, or nests too deep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

struct Scratch {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            buffers: Buffers::with_max_depth(1024, MAX_DEPTH),
            tape: Tape(Vec::new()),
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// Parses `text` in place and lends its value to `read`.
pub(super) fn with_value<R>(
    text: &mut [u8],
    read: impl FnOnce(Value<'_, '_>) -> R,
) -> Result<R, JsonError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let len = text.len();
        let mut tape = std::mem::replace(&mut scratch.tape, Tape(Vec::new())).reset();
        let result = match simd_json::fill_tape(text, &mut scratch.buffers, &mut tape) {
            Ok(()) => Ok(read(tape.as_value())),
            Err(error) => Err(JsonError(error.to_string())),
        };
        if len > KEPT_SCRATCH_BYTES {
            *scratch = Scratch::new();
        } else {
            scratch.tape = tape.reset();
        }
        result
    })
}

/// A JSON value as compact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// Encodes any serializable value.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        serde_json::to_string(value)
            .map(|text| Self(text.into()))
            .map_err(|error| JsonError(error.to_string()))
    }

    /// The value as compact JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_value(value: &Value<'_, '_>) -> Self {
        Self(value.encode().into())
    }

    pub(super) fn from_text(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        let mut quoted = String::with_capacity(text.len() + 2);
        push_string(&mut quoted, text);
        Self(quoted.into())
    }
}

/// Appends `text` as a JSON string.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // Text that needs no escape, nearly all of it, is copied in one piece.
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.push(char::from_digit(u32::from(control >> 4), 16).unwrap_or('0'));
                out.push(char::from_digit(u32::from(control & 15), 16).unwrap_or('0'));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reencoded(text: &str) -> Result<String, JsonError> {
        let mut bytes = text.as_bytes().to_vec();
        with_value(&mut bytes, |value| Json::from_value(&value).0.into())
    }

    #[test]
    fn values_come_out_as_they_went_in_without_the_white_space() {
        let text = r#"{"b":[1,-2,3.5,true,null],"a":{"ü":"\"\\\n","":18446744073709551615}}"#;
        let spaced = text.replace(',', " ,\n ");
        assert_eq!(reencoded(&spaced).unwrap(), text);
    }

    #[test]
    fn a_number_that_would_change_is_refused() {
        assert!(reencoded("[184467440737095516150]").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(reencoded(&deep(MAX_DEPTH - 1)).is_ok());
        assert!(reencoded(&deep(MAX_DEPTH * 4)).is_err());
        assert!(reencoded(&deep(100_000)).is_err());
    }

    #[test]
    fn strings_are_escaped_as_the_standard_says() {
        let text = "tab\t quote\" back\\ bell\u{7} line\n\r ü 🙂";
        assert_eq!(
            Json::from(text).as_str(),
            serde_json::to_string(text).unwrap()
        );
    }
}
