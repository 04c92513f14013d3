//! Checks JSON text without changing or copying it.
//!
//! `serde_json` skips values it is told to ignore with a loop, not by recursion, and checks
//! nothing but the grammar of RFC 8259. So any number of digits, a `\u` escape of half a
//! surrogate pair, and any depth of nesting are accepted.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::JsonError;

/// What the server needs to know about a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object, and which members it has.
    Object {
        /// At least one member.
        has_members: bool,
        /// A member `id`.
        has_id: bool,
        /// A member `timestamp`.
        has_timestamp: bool,
    },
    /// Any other value.
    Other,
}

/// Checks the JSON value at the beginning of `text`, and returns its length and shape. White
/// space before the value counts; what follows the value does not.
pub(crate) fn scan_value(text: &str) -> Result<(usize, Shape), JsonError> {
    if let Some(len) = plain_string(text.as_bytes()) {
        Ok((len, Shape::Other))
    } else if text.trim_start_matches(WHITE_SPACE).starts_with('{') {
        first::<Members>(text).map(|(len, Members(shape))| (len, shape))
    } else {
        first::<IgnoredAny>(text).map(|(len, IgnoredAny)| (len, Shape::Other))
    }
}

/// Checks a text that has to be one JSON value, and returns its shape.
pub(crate) fn scan_text(text: &str) -> Result<Shape, JsonError> {
    let (len, shape) = scan_value(text)?;
    let rest = &text[len..];
    if rest.trim_start_matches(WHITE_SPACE).is_empty() {
        Ok(shape)
    } else {
        Err(JsonError::new(&format!(
            "trailing characters at byte {len}"
        )))
    }
}

/// The length of a string without escapes at the beginning of `text`, which is what most room
/// messages are.
fn plain_string(text: &[u8]) -> Option<usize> {
    let content = text.strip_prefix(b"\"")?;
    let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let end = content.iter().position(is_special)?;
    (content[end] == b'"').then_some(end + 2)
}

/// The white space of JSON, which is less than that of Unicode.
pub(crate) const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn first<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(usize, T), JsonError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((values.byte_offset(), value)),
        Some(Err(error)) => Err(JsonError::new(&error)),
        None => Err(JsonError::new(&"a value is missing")),
    }
}

/// The shape of an object.
struct Members(Shape);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
        let (mut has_members, mut has_id, mut has_timestamp) = (false, false, false);
        while let Some(key) = members.next_key_seed(KeySeed)? {
            has_members = true;
            has_id |= key == Key::Id;
            has_timestamp |= key == Key::Timestamp;
            members.next_value::<IgnoredAny>()?;
        }
        Ok(Members(Shape::Object {
            has_members,
            has_id,
            has_timestamp,
        }))
    }
}

/// A member's key, compared after unescaping.
#[derive(PartialEq, Eq)]
enum Key {
    Id,
    Timestamp,
    Other,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        // As bytes, since a key can contain half a surrogate pair.
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Key, E> {
        Ok(match key {
            b"id" => Key::Id,
            b"timestamp" => Key::Timestamp,
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(has_members: bool, has_id: bool, has_timestamp: bool) -> Shape {
        Shape::Object {
            has_members,
            has_id,
            has_timestamp,
        }
    }

    #[test]
    fn every_json_text_is_accepted() {
        for text in [
            "null",
            "36893488147419103232",
            "-0",
            "1e5",
            "1E+400",
            "0.1000000000000000000000000000000000000000001",
            r#""\ud83d""#,
            r#""\u0000\/ 🙂""#,
            " [ 1 ,\r\n\t{\"a\" : 1, \"a\" : 2 } ] ",
        ] {
            assert_eq!(scan_text(text), Ok(Shape::Other), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{a:1}",
            "{'a':1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "- 1",
            "NaN",
            "Infinity",
            "tru",
            "nulll",
            "1 2",
            "[] []",
            "[1}",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\t\"",
            "\"\n\"",
            "\u{feff}1",
            "\u{a0}1",
            "//c\n1",
            "{\"a\":1}}",
            "{\"a\":1 \"b\":2}",
        ] {
            assert!(scan_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_object_says_which_members_it_has() {
        assert_eq!(scan_text(" { } "), Ok(object(false, false, false)));
        assert_eq!(
            scan_text(r#"{"a":{"id":1}}"#),
            Ok(object(true, false, false))
        );
        assert_eq!(
            scan_text(r#"{"a":1,"id":null}"#),
            Ok(object(true, true, false))
        );
        assert_eq!(
            scan_text(r#"{"timestamp":[]}"#),
            Ok(object(true, false, true))
        );
        // Keys are compared after unescaping, and half a surrogate pair is a key too.
        let escaped = r#"{"\ud83d":1,"\u0069d":1,"time\u0073tamp":1}"#;
        assert_eq!(scan_text(escaped), Ok(object(true, true, true)));
    }

    #[test]
    fn nesting_and_length_have_no_limit_of_their_own() {
        for depth in [5_000, 2_000_000] {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(scan_text(&text), Ok(Shape::Other));
            let text = format!("{}1{}", "{\"id\":".repeat(depth), "}".repeat(depth));
            assert_eq!(scan_text(&text), Ok(object(true, true, false)));
            assert!(scan_text(&"[".repeat(depth)).is_err());
        }
    }

    #[test]
    fn the_length_ends_with_the_value() {
        for (text, value) in [
            (r#"{"a":1}, "b":2}"#, r#"{"a":1}"#),
            ("12,3", "12"),
            ("null]", "null"),
            (r#""a\"b" "c""#, r#""a\"b""#),
        ] {
            assert_eq!(scan_value(text).unwrap().0, value.len(), "{text}");
        }
    }
}
