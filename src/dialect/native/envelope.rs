//! Parses the envelope of a text, and keeps payloads as they are.

use std::cell::RefCell;
use std::ops::Range;

use memchr::memchr2;
use simd_json::prelude::*;
use simd_json::tape::Value;

use super::parser::with_value;
use crate::protocol::{EventData, JsonError, Shape, WHITE_SPACE, scan_value, unescape};

/// After a text longer than this, the scratch memory is freed instead of being reused.
const MAX_REUSED_BYTES: usize = 64 * 1024;

const SHORT_STRING_BYTES: usize = 24;

thread_local! {
    static SCRATCH: RefCell<Outline> = RefCell::default();
}

/// A text in which each payload was replaced by its index.
///
/// A payload is checked but not parsed. So the parser's limits on numbers and depth apply to the
/// envelope only, and payloads keep every byte.
#[derive(Debug, Default)]
struct Outline {
    text: Vec<u8>,
    payloads: Vec<(Range<usize>, Shape)>,
}

impl Outline {
    /// Cuts out the values of all members with one of these names. Other invalid JSON is left for the parser
    /// to find.
    fn cut(&mut self, text: &str, keys: &[&str]) -> Result<(), JsonError> {
        let bytes = text.as_bytes();
        let (mut copied, mut at) = (0, 0);
        while let Some(string) = next_string(bytes, at) {
            at = string.end + 1;
            let name = &text[string];
            let Some(key) = keys.iter().find(|key| is_key(name, key)) else {
                continue;
            };
            let Some(rest) = after_white_space(&text[at..]).strip_prefix(':') else {
                continue;
            };
            let rest = after_white_space(rest);
            let start = text.len() - rest.len();
            let (len, shape) = scan_value(rest)
                .map_err(|error| JsonError::new(&format!("in `{key}`: {error}")))?;
            self.text.extend_from_slice(&bytes[copied..start]);
            match self.payloads.len() {
                // A command has one payload, which needs no allocation.
                index @ 0..=9 => self.text.push(b'0' + index as u8),
                index => self.text.extend_from_slice(index.to_string().as_bytes()),
            }
            // Separates the index from what follows the value.
            self.text.push(b' ');
            self.payloads.push((start..start + len, shape));
            (copied, at) = (start + len, start + len);
        }
        self.text.extend_from_slice(&bytes[copied..]);
        Ok(())
    }
}

/// The payloads of a text that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payloads<'a> {
    text: &'a str,
    payloads: &'a [(Range<usize>, Shape)],
}

impl<'a> Payloads<'a> {
    /// The payload that the index `value` stands for.
    pub(super) fn get(&self, value: &Value<'_, '_>) -> Option<(&'a str, Shape)> {
        let index = usize::try_from(value.as_u64()?).ok()?;
        let (span, shape) = self.payloads.get(index)?;
        Some((&self.text[span.clone()], *shape))
    }
}

/// Parses `text` except the values of all members named as one of `payload_keys`, and passes the
/// value to `read`.
pub(super) fn with_envelope<R>(
    text: &[u8],
    payload_keys: &[&str],
    read: impl FnOnce(Value<'_, '_>, Payloads<'_>) -> R,
) -> Result<R, JsonError> {
    let text = str::from_utf8(text).map_err(|error| JsonError::new(&error))?;
    SCRATCH.with_borrow_mut(|outline| {
        let result = outline.cut(text, payload_keys).and_then(|()| {
            let payloads = Payloads {
                text,
                payloads: &outline.payloads,
            };
            with_value(&mut outline.text, |value| read(value, payloads))
                .map_err(|error| explain(text, &error))
        });
        if text.len() > MAX_REUSED_BYTES {
            *outline = Outline::default();
        } else {
            outline.text.clear();
            outline.payloads.clear();
        }
        result
    })
}

/// Why the parser refused a text, in words. It is fast, but its errors say neither what is wrong
/// nor where in the text.
fn explain(text: &str, error: &JsonError) -> JsonError {
    match EventData::parse(text) {
        Err(reason) => reason,
        // The grammar is right, so it is one of the parser's limits.
        Ok(_) => JsonError::new(&format!(
            "a number has more than 64 bits, or nesting is too deep ({error})"
        )),
    }
}

/// The content of the next string that begins at `from` or later; `from` is at most the length. It
/// lies between two quotes, which are characters of their own, so that the text can be cut there.
fn next_string(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + bytes[from..].iter().position(|&byte| byte == b'"')? + 1;
    let mut end = start;
    loop {
        end += quote_or_backslash(&bytes[end..])?;
        if bytes[end] == b'"' {
            return Some(start..end);
        }
        // Whatever follows a backslash does not end the string.
        end += 2;
        if end > bytes.len() {
            return None;
        }
    }
}

/// Most strings are short, and for them a loop is faster than setting up a vectorised search.
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let (short, rest) = bytes.split_at(bytes.len().min(SHORT_STRING_BYTES));
    let found = short.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    found.or_else(|| Some(short.len() + memchr2(b'"', b'\\', rest)?))
}

/// Whether a string's content is `key` after unescaping.
fn is_key(content: &str, key: &str) -> bool {
    // The longest form of a character is `\u0061`.
    let could_be = content.len() <= key.len() * 6 && content.contains('\\');
    content == key || (could_be && unescape(content).as_deref() == Some(key))
}

fn after_white_space(text: &str) -> &str {
    text.trim_start_matches(WHITE_SPACE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Parsed, json};

    use super::*;

    /// The payload of an object `{"p":…}`, if the text is JSON.
    fn payload(text: &str) -> Result<Option<String>, JsonError> {
        with_envelope(text.as_bytes(), &["p"], |value, payloads| {
            let value = value.as_object()?.get("p")?;
            Some(payloads.get(&value)?.0.to_owned())
        })
    }

    #[test]
    fn a_payload_is_the_text_of_its_value() {
        for (text, value) in [
            (r#"{"p":1}"#, "1"),
            (r#"{"a":"p","p" : [ 1 ] ,"b":2}"#, "[ 1 ]"),
            (r#"{"a":"\"p\":7","\u0070":{"p":3}}"#, r#"{"p":3}"#),
            (r#"{"a":["p","p"],"b":"\\","p":"\\\""}"#, r#""\\\"""#),
            (r#"{"x":{"p":1},"p":2}"#, "2"),
        ] {
            assert_eq!(payload(text).unwrap().as_deref(), Some(value), "{text}");
        }
        assert_eq!(payload(r#"{"a":"p"}"#).unwrap(), None);
    }

    #[test]
    fn what_is_around_a_payload_has_to_be_json() {
        for text in [
            r#"{"p":1"#,
            r#"{"p":1 2}"#,
            r#"{"p":0"p":1}"#,
            r#"{"p"1}"#,
            r#"{"p":,"a":1}"#,
            r#"{"a":1,"p":1,}"#,
            r#""p":1"#,
            r#"["p":1]"#,
            r#"{"p":1}{"p":2}"#,
            r#"{"p":"#,
            r#"{"p"#,
            r#"{"a\"#,
            r#"{"p":1}x"#,
            "{\"a\":\"\n\",\"p\":1}",
            r#"{"p":1,"a":tru}"#,
        ] {
            assert!(payload(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_in_a_payload_names_the_field() {
        let error = payload(r#"{"p":[1,]}"#).unwrap_err().to_string();
        assert!(error.starts_with("in `p`: "), "{error}");
    }

    #[test]
    fn an_error_says_what_is_wrong_and_where() {
        for (text, error) in [
            ("x", "expected value at line 1 column 1"),
            (
                r#"{"a":1,"p":[1,2],"b""#,
                "EOF while parsing an object at line 1 column 20",
            ),
            ("{\"p\":1,\n\"a\":}", "expected value at line 2 column 5"),
        ] {
            assert_eq!(payload(text).unwrap_err().to_string(), error);
        }
        let large = payload(r#"{"a":184467440737095516150}"#).unwrap_err();
        assert!(
            large
                .to_string()
                .starts_with("a number has more than 64 bits"),
            "{large}"
        );
    }

    fn any_value() -> impl Strategy<Value = Parsed> {
        let leaf = prop_oneof![
            Just(Parsed::Null),
            any::<bool>().prop_map(Parsed::from),
            // Two of them without the comma between them are still a number of 64 bits, the most
            // that an envelope may contain.
            any::<i16>().prop_map(Parsed::from),
            "[p\"\\\\:{},\\[\\] a]{0,6}".prop_map(Parsed::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![Just("p".to_owned()), "[ap\"\\\\:]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Parsed::from),
                prop::collection::vec((key, inner), 0..4)
                    .prop_map(|members| Parsed::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_payload_is_found_in_any_envelope(
            before in any_value(), value in any_value(), after in any_value(),
        ) {
            let text = format!(r#"{{"a":{before},"p":{value},"b":{after}}}"#);
            prop_assert_eq!(payload(&text), Ok(Some(value.to_string())));
        }

        /// One changed byte: text is accepted exactly if it is JSON.
        #[test]
        fn only_json_is_accepted(value in any_value(), at in any::<prop::sample::Index>(), to in "[p\"\\\\:{},\\[\\] 01a]") {
            let mut text = json!({"a": value, "p": value, "q": [value]}).to_string();
            let at = at.index(text.len());
            text.replace_range(at..=at, &to);
            let is_json = serde_json::from_str::<Parsed>(&text).is_ok();
            prop_assert_eq!(payload(&text).is_ok(), is_json, "{}", text);
        }
    }
}
