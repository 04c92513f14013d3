//! An event: what a backend publishes and clients receive.

use std::time::{Duration, SystemTime};

use simd_json::prelude::*;
use simd_json::tape::Value;
use uuid::Uuid;

use super::NameError;
use super::json::{Json, JsonError, push_string, with_value};

/// Longest own id or event name, in bytes.
const MAX_LABEL_BYTES: usize = 200;

/// The id of an event: the publisher's own, or `evt_` and a time-ordered UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    /// A new id, later than those before it.
    pub fn generate() -> Self {
        Self(format!("evt_{}", Uuid::now_v7().simple()).into())
    }

    /// Checks a publisher's own id: 1–200 bytes, no control characters.
    pub fn new(id: &str) -> Result<Self, NameError> {
        check_label(id)?;
        Ok(Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn check_label(label: &str) -> Result<(), NameError> {
    if label.is_empty() {
        Err(NameError::Empty)
    } else if label.len() > MAX_LABEL_BYTES {
        Err(NameError::TooLong)
    } else if label.chars().any(char::is_control) {
        Err(NameError::ControlCharacter)
    } else {
        Ok(())
    }
}

/// RFC 3339 in UTC with milliseconds.
pub fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// An event as its subscribers read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// When the server accepted it, RFC 3339 in UTC with milliseconds.
    pub timestamp: String,
    /// The publisher's own name for this kind of event.
    pub name: Option<Box<str>>,
    data: Json,
}

impl Event {
    /// An event with the given `data`: an object keeps its fields and gains `id` and
    /// `timestamp` (which win over fields of the same names); any other value becomes
    /// the field `value`.
    pub fn new(id: EventId, at: SystemTime, name: Option<Box<str>>, data: &EventData) -> Self {
        let timestamp = timestamp(at);
        let mut text = String::with_capacity(data.0.len() + 96);
        text.push_str("{\"id\":");
        push_string(&mut text, id.as_str());
        text.push_str(",\"timestamp\":\"");
        text.push_str(&timestamp);
        text.push('"');
        text.push_str(&data.0);
        text.push('}');
        Self {
            id,
            timestamp,
            name,
            data: Json::from_text(text),
        }
    }

    /// The data as subscribers read it, `id` and `timestamp` included.
    pub fn data(&self) -> &Json {
        &self.data
    }
}

/// A publisher's data, ready to stand behind `id` and `timestamp` in one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventData(String);

impl EventData {
    /// Data with one field, `message`.
    pub fn message(text: &str) -> Self {
        Self(format!(",\"message\":{}", Json::from(text).as_str()))
    }

    /// What the notice of a shutdown says: a text for people, and the window over which
    /// clients spread their return.
    pub fn shutdown(text: &str, window: Duration) -> Self {
        let Self(message) = Self::message(text);
        let window = window.as_millis();
        Self(format!("{message},\"reconnect_within_ms\":{window}"))
    }

    pub(super) fn from_value(value: &Value<'_, '_>) -> Self {
        let mut fields = String::new();
        if let Some(object) = value.as_object() {
            for (key, field) in &object {
                if key != "id" && key != "timestamp" {
                    fields.push(',');
                    push_string(&mut fields, key);
                    fields.push(':');
                    fields.push_str(&field.encode());
                }
            }
        } else {
            fields.push_str(",\"value\":");
            fields.push_str(&value.encode());
        }
        Self(fields)
    }
}

impl TryFrom<&Json> for EventData {
    type Error = JsonError;

    fn try_from(json: &Json) -> Result<Self, JsonError> {
        let mut text = json.as_str().as_bytes().to_vec();
        with_value(&mut text, |value| Self::from_value(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> String {
        let mut text = data.as_bytes().to_vec();
        let data = with_value(&mut text, |value| EventData::from_value(&value)).unwrap();
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_705_314_600);
        Event::new(EventId::new("evt_1").unwrap(), at, None, &data)
            .data()
            .as_str()
            .to_owned()
    }

    #[test]
    fn an_object_gains_id_and_timestamp() {
        assert_eq!(
            event(r#"{"message":"New notification"}"#),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","message":"New notification"}"#
        );
        assert_eq!(
            event("{}"),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z"}"#
        );
    }

    #[test]
    fn the_events_own_id_wins_over_a_field_of_that_name() {
        assert_eq!(
            event(r#"{"id":7,"x":1,"timestamp":null}"#),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","x":1}"#
        );
    }

    #[test]
    fn data_that_is_no_object_becomes_value() {
        assert_eq!(
            event("[1,2]"),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","value":[1,2]}"#
        );
    }

    #[test]
    fn generated_ids_grow() {
        let (a, b) = (EventId::generate(), EventId::generate());
        assert!(a.as_str() < b.as_str() && a.as_str().starts_with("evt_"));
    }
}
