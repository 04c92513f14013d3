//! Messages as they are kept outside of the process, independent of any dialect.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::{Event, EventData, EventId, EventName, TopicKind, TopicMessage};

/// The longest timestamp, in bytes.
const MAX_TIMESTAMP_BYTES: usize = 64;

/// A publication of a topic, without the topic's name. The order of the variants and of their
/// fields is part of the format.
#[derive(Debug, Serialize, Deserialize)]
enum Stored<'a> {
    Event {
        id: &'a str,
        timestamp: &'a str,
        name: Option<&'a str>,
        data: &'a str,
    },
    Message {
        from: &'a str,
        content: &'a str,
    },
    /// An event that a client published.
    ClientEvent {
        from: &'a str,
        id: &'a str,
        timestamp: &'a str,
        name: Option<&'a str>,
        data: &'a str,
    },
}

/// The bytes of a publication. `None` for a message that is never a part of a history.
pub(super) fn to_bytes(message: &TopicMessage) -> Option<Vec<u8>> {
    let stored = match message {
        TopicMessage::Event { event, .. } => {
            let (id, timestamp) = (event.id.as_str(), &event.timestamp);
            let name = event.name.as_ref().map(EventName::as_str);
            let data = event.data.as_str();
            match &event.from {
                None => Stored::Event {
                    id,
                    timestamp,
                    name,
                    data,
                },
                Some(from) => Stored::ClientEvent {
                    from,
                    id,
                    timestamp,
                    name,
                    data,
                },
            }
        }
        TopicMessage::Message { from, content, .. } => Stored::Message {
            from,
            content: content.as_str(),
        },
        _ => return None,
    };
    postcard::to_allocvec(&stored).ok()
}

/// The publication of a topic from its bytes. `None` if they are not what [`to_bytes`] makes for
/// a topic of this kind.
pub(super) fn from_bytes(kind: TopicKind, name: &Arc<str>, bytes: &[u8]) -> Option<TopicMessage> {
    let (stored, rest) = postcard::take_from_bytes(bytes).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let event_of = |from: Option<&str>, id, timestamp: &str, event_name, data| {
        let event = Event {
            id: EventId::new(id).ok()?,
            timestamp: is_timestamp(timestamp).then(|| timestamp.to_owned())?,
            name: match event_name {
                Some(name) => Some(EventName::new(name).ok()?),
                None => None,
            },
            from: from.map(Into::into),
            data: EventData::parse(data).ok()?,
        };
        Some(TopicMessage::Event {
            channel: name.clone(),
            event: Arc::new(event),
        })
    };
    match (kind, stored) {
        (
            TopicKind::Channel,
            Stored::Event {
                id,
                timestamp,
                name,
                data,
            },
        ) => event_of(None, id, timestamp, name, data),
        (
            TopicKind::Channel,
            Stored::ClientEvent {
                from,
                id,
                timestamp,
                name,
                data,
            },
        ) => event_of(Some(from), id, timestamp, name, data),
        (TopicKind::Room, Stored::Message { from, content }) => Some(TopicMessage::Message {
            room: name.clone(),
            from: from.into(),
            content: EventData::parse(content).ok()?.to_json(),
        }),
        _ => None,
    }
}

/// Whether the text has only characters of RFC 3339, so that it needs no escaping.
fn is_timestamp(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"TZ:.+-".contains(&byte);
    text.len() <= MAX_TIMESTAMP_BYTES && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: Option<&str>, data: &str) -> TopicMessage {
        TopicMessage::Event {
            channel: "news".into(),
            event: Arc::new(Event {
                id: EventId::new("order-17").unwrap(),
                timestamp: "2024-01-15T10:30:00.000Z".to_owned(),
                from: name.map(|_| "ann \"é".into()),
                name: name.map(|name| EventName::new(name).unwrap()),
                data: EventData::parse(data).unwrap(),
            }),
        }
    }

    fn message(content: &str) -> TopicMessage {
        TopicMessage::Message {
            room: "news".into(),
            from: "ann \"é".into(),
            content: EventData::parse(content).unwrap().to_json(),
        }
    }

    #[test]
    fn a_publication_is_the_same_afterwards_to_the_byte() {
        let name = "news".into();
        for data in [
            r#"{ "b" : 1e5, "a":"\u0041" }"#,
            "[1,\n2]",
            "null",
            r#"{"id":7}"#,
        ] {
            for (kind, original) in [
                (TopicKind::Channel, event(None, data)),
                (TopicKind::Channel, event(Some("order.created"), data)),
                (TopicKind::Room, message(data)),
            ] {
                let bytes = to_bytes(&original).unwrap();
                assert_eq!(from_bytes(kind, &name, &bytes), Some(original));
            }
        }
    }

    #[test]
    fn a_publication_of_another_kind_or_with_invalid_parts_is_refused() {
        let name = "news".into();
        let bytes = to_bytes(&event(None, "{}")).unwrap();
        assert_eq!(from_bytes(TopicKind::Room, &name, &bytes), None);
        let bytes = [&bytes[..], b"x"].concat();
        assert_eq!(from_bytes(TopicKind::Channel, &name, &bytes), None);
        let stored = |id, timestamp, name, data| {
            let stored = Stored::Event {
                id,
                timestamp,
                name,
                data,
            };
            postcard::to_allocvec(&stored).unwrap()
        };
        for bytes in [
            stored("", "2024", None, "{}"),
            stored("a", "20\"24", None, "{}"),
            stored("a", "2024", Some("\n"), "{}"),
            stored("a", "2024", None, "{"),
        ] {
            assert_eq!(from_bytes(TopicKind::Channel, &name, &bytes), None);
        }
    }
}
