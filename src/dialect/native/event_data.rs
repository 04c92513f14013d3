//! Event payloads as native JSON: the publisher's object with `id` and `timestamp` added.

use std::time::Duration;

use simd_json::prelude::*;
use simd_json::tape::Value;

use super::parser::with_value;
use crate::protocol::{Event, EventData, Json, JsonError, push_string};

/// The payload of the shutdown notice: a text for people, and the window within which clients
/// should reconnect, each at a random time.
pub fn shutdown_notice(text: &str, window: Duration) -> EventData {
    let message = text_data(text);
    EventData::from_members(format!(
        "{},\"reconnect_within_ms\":{}",
        message.members(),
        window.as_millis()
    ))
}

/// A payload with one member, `message`.
pub fn text_data(text: &str) -> EventData {
    EventData::from_members(format!(",\"message\":{}", Json::from(text).as_str()))
}

/// Parses a payload: any JSON value.
pub fn parse_event_data(json: impl Into<Vec<u8>>) -> Result<EventData, JsonError> {
    with_value(&mut json.into(), |value| event_data_of(&value))
}

/// The members of an object, except `id` and `timestamp`. Any other value is wrapped as
/// `{"value": …}`.
pub(super) fn event_data_of(value: &Value<'_, '_>) -> EventData {
    let mut members = String::new();
    if let Some(object) = value.as_object() {
        for (key, member) in &object {
            if key != "id" && key != "timestamp" {
                members.push(',');
                push_string(&mut members, key);
                members.push(':');
                members.push_str(&member.encode());
            }
        }
    } else {
        members.push_str(",\"value\":");
        members.push_str(&value.encode());
    }
    EventData::from_members(members)
}

/// Appends the `data` object of an event: `id`, `timestamp` and the payload's members.
pub(super) fn push_event_data(out: &mut String, event: &Event) {
    let members = event.data.members();
    out.reserve(members.len() + 96);
    out.push_str("{\"id\":");
    push_string(out, event.id.as_str());
    out.push_str(",\"timestamp\":\"");
    out.push_str(&event.timestamp);
    out.push('"');
    out.push_str(members);
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EventId;

    fn event(data: &str) -> String {
        let mut text = data.as_bytes().to_vec();
        let event = Event {
            id: EventId::new("evt_1").unwrap(),
            timestamp: "2024-01-15T10:30:00.000Z".to_owned(),
            name: None,
            data: with_value(&mut text, |value| event_data_of(&value)).unwrap(),
        };
        let mut out = String::new();
        push_event_data(&mut out, &event);
        out
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
    fn the_servers_id_and_timestamp_replace_members_of_these_names() {
        assert_eq!(
            event(r#"{"id":7,"x":1,"timestamp":null}"#),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","x":1}"#
        );
    }

    #[test]
    fn data_that_is_not_an_object_is_wrapped_as_value() {
        assert_eq!(
            event("[1,2]"),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","value":[1,2]}"#
        );
    }
}
