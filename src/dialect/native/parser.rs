//! The JSON parser. `simd-json`'s buffers are used only here.

use std::cell::RefCell;

use simd_json::prelude::Writable;
use simd_json::tape::Value;
use simd_json::{Buffers, Tape};

use crate::protocol::{Json, JsonError};

/// Maximum nesting depth of arrays and objects.
const MAX_DEPTH: usize = 64;
/// After a text longer than this, the scratch memory is freed instead of being reused.
const MAX_REUSED_BYTES: usize = 64 * 1024;

/// Memory that a worker thread reuses from one text to the next.
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

/// Parses `text` in place and passes the value to `read`.
pub(super) fn with_value<R>(
    text: &mut [u8],
    read: impl FnOnce(Value<'_, '_>) -> R,
) -> Result<R, JsonError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let len = text.len();
        let mut tape = std::mem::replace(&mut scratch.tape, Tape(Vec::new())).reset();
        let result = match simd_json::fill_tape(text, &mut scratch.buffers, &mut tape) {
            Ok(()) => Ok(read(tape.as_value())),
            Err(error) => Err(JsonError::new(&error)),
        };
        if len > MAX_REUSED_BYTES {
            *scratch = Scratch::new();
        } else {
            scratch.tape = tape.reset();
        }
        result
    })
}

/// A parsed value as compact text.
pub(super) fn json_of(value: &Value<'_, '_>) -> Json {
    Json::from_text(value.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reencoded(text: &str) -> Result<String, JsonError> {
        let mut bytes = text.as_bytes().to_vec();
        with_value(&mut bytes, |value| json_of(&value).as_str().to_owned())
    }

    #[test]
    fn values_are_unchanged_except_for_white_space() {
        let text = r#"{"b":[1,-2,3.5,true,null],"a":{"ü":"\"\\\n","":18446744073709551615}}"#;
        let spaced = text.replace(',', " ,\n ");
        assert_eq!(reencoded(&spaced).unwrap(), text);
    }

    #[test]
    fn a_number_that_cannot_be_represented_is_rejected() {
        assert!(reencoded("[184467440737095516150]").is_err());
    }

    #[test]
    fn the_nesting_depth_is_limited() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(reencoded(&deep(MAX_DEPTH - 1)).is_ok());
        assert!(reencoded(&deep(MAX_DEPTH * 4)).is_err());
        assert!(reencoded(&deep(100_000)).is_err());
    }
}
