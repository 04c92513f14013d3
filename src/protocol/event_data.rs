//! Payloads of events.

use std::sync::Arc;

use super::json_scan::{Shape, WHITE_SPACE, scan_text};
use super::{Json, JsonError};

/// An event's payload: the publisher's JSON text, byte for byte. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventData {
    text: Arc<str>,
    shape: Shape,
}

impl EventData {
    /// Checks that a text is JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)), with
    /// numbers of any length and nesting of any depth.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let shape = scan_text(text)?;
        Ok(Self::from_scanned(text.trim_matches(WHITE_SPACE), shape))
    }

    /// A payload from a value that was checked, without white space around it.
    pub(crate) fn from_scanned(text: &str, shape: Shape) -> Self {
        Self {
            text: text.into(),
            shape,
        }
    }

    /// The payload as the publisher sent it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The payload as the publisher sent it.
    pub fn to_json(&self) -> Json {
        Json::from_text(self.text.to_string())
    }

    /// The shape of the payload.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
}

/// An empty object.
impl Default for EventData {
    fn default() -> Self {
        let shape = Shape::Object {
            has_members: false,
            has_id: false,
            has_timestamp: false,
        };
        Self::from_scanned("{}", shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_kept_as_it_was_sent() {
        for text in [r#"{ "b" : 1e5, "a" :-0,"a":"\u0041" }"#, "[1,\n2]", "null"] {
            let data = EventData::parse(&format!(" {text}\r\n")).unwrap();
            assert_eq!(data.as_str(), text);
            assert_eq!(data.to_json().as_str(), text);
        }
        assert!(EventData::parse("{").is_err());
        assert!(EventData::parse("").is_err());
    }

    #[test]
    fn the_default_is_an_empty_object() {
        assert_eq!(EventData::default(), EventData::parse("{}").unwrap());
    }
}
