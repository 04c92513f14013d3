//! Event payloads as native JSON: the publisher's data, with `id` and `timestamp` where it has
//! none of its own.

use std::fmt;
use std::time::Duration;

use crate::protocol::{Event, EventData, Json, Shape, push_string};

/// The payload of the shutdown notice: a text for people, and the window within which clients
/// should reconnect, each at a random time.
pub fn shutdown_notice(text: &str, window: Duration) -> EventData {
    let message = Json::from(text);
    let milliseconds = window.as_millis();
    object(&format!(
        "{{\"message\":{message},\"reconnect_within_ms\":{milliseconds}}}"
    ))
}

/// The payload of the notice that a client's token expires in so many seconds.
pub fn expiry_notice(seconds: u64) -> EventData {
    object(&format!("{{\"expires_in\":{seconds}}}"))
}

/// A payload with one member, `message`.
#[cfg(feature = "internals")]
pub fn text_data(text: &str) -> EventData {
    object(&format!("{{\"message\":{}}}", Json::from(text)))
}

/// A payload from the text of an object with members, without `id` and `timestamp`.
fn object(text: &str) -> EventData {
    let shape = Shape::Object {
        has_members: true,
        has_id: false,
        has_timestamp: false,
    };
    EventData::from_scanned(text, shape)
}

/// Writes the `data` object of an event: `id` and `timestamp`, unless the publisher's object
/// has its own, and the publisher's members as they were sent. Data that is not an object
/// becomes the member `value`.
pub(super) fn push_event_data(out: &mut impl fmt::Write, event: &Event) -> fmt::Result {
    let text = event.data.as_str();
    let (has_id, has_timestamp) = match event.data.shape() {
        Shape::Object {
            has_id,
            has_timestamp,
            ..
        } => (has_id, has_timestamp),
        Shape::Other => (false, false),
    };
    if has_id && has_timestamp {
        return out.write_str(text);
    }
    out.write_char('{')?;
    if !has_id {
        out.write_str("\"id\":")?;
        push_string(out, event.id.as_str())?;
    }
    if !has_timestamp {
        out.write_str(if has_id {
            "\"timestamp\":\""
        } else {
            ",\"timestamp\":\""
        })?;
        out.write_str(&event.timestamp)?;
        out.write_char('"')?;
    }
    match event.data.shape() {
        Shape::Object { has_members, .. } => {
            if has_members {
                out.write_char(',')?;
            }
            out.write_str(text.strip_prefix('{').unwrap_or(text))
        }
        Shape::Other => {
            out.write_str(",\"value\":")?;
            out.write_str(text)?;
            out.write_char('}')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EventId;

    fn event(data: &str) -> String {
        let event = Event {
            id: EventId::new("evt_1").unwrap(),
            from: None,
            timestamp: "2024-01-15T10:30:00.000Z".to_owned(),
            name: None,
            data: EventData::parse(data).unwrap(),
        };
        let mut out = String::new();
        push_event_data(&mut out, &event).unwrap();
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
        assert_eq!(
            event("{ }"),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z" }"#
        );
    }

    #[test]
    fn members_stay_as_they_were_sent() {
        assert_eq!(
            event("{ \"b\" :-0,\n\"a\":[1e5 ,2.50],\"a\":\"\\u0041\\ud83d\" }"),
            "{\"id\":\"evt_1\",\"timestamp\":\"2024-01-15T10:30:00.000Z\", \"b\" :-0,\n\"a\":[1e5 ,2.50],\"a\":\"\\u0041\\ud83d\" }"
        );
    }

    #[test]
    fn the_publishers_own_id_and_timestamp_stay() {
        assert_eq!(
            event(r#"{"x":1,"id":7}"#),
            r#"{"timestamp":"2024-01-15T10:30:00.000Z","x":1,"id":7}"#
        );
        assert_eq!(
            event(r#"{"timestamp":null}"#),
            r#"{"id":"evt_1","timestamp":null}"#
        );
        let both = r#"{ "timestamp":[],"\u0069d":{}, "id":1}"#;
        assert_eq!(event(both), both);
        // Those of inner objects are not the event's.
        assert_eq!(
            event(r#"{"order":{"id":7,"timestamp":8}}"#),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","order":{"id":7,"timestamp":8}}"#
        );
    }

    #[test]
    fn data_that_is_not_an_object_is_wrapped_as_value() {
        assert_eq!(
            event("[1, 2]"),
            r#"{"id":"evt_1","timestamp":"2024-01-15T10:30:00.000Z","value":[1, 2]}"#
        );
    }

    #[test]
    fn the_servers_own_payloads_are_what_parsing_them_gives() {
        let notice = shutdown_notice("a \"text\"", Duration::from_secs(2));
        let text = r#"{"message":"a \"text\"","reconnect_within_ms":2000}"#;
        assert_eq!(notice, EventData::parse(text).unwrap());
    }
}
