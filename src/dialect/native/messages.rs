//! Encodes server messages in native JSON.

use std::fmt::{self, Write};
use std::io;

use super::event_data::push_event_data;
use super::presence::push_presence;
use crate::protocol::{
    EndReason, Event, Json, Presence, Refusal, Resumption, ServerMessage, Subject, TopicName,
    push_string,
};

impl ServerMessage<'_> {
    /// The message as one JSON object.
    pub fn to_json(&self) -> String {
        self.to_reply(None)
    }

    /// The message as one JSON object that echoes the `id` of the command it answers.
    pub fn to_reply(&self, id: Option<&Json>) -> String {
        let mut object = ObjectWriter::to(String::with_capacity(self.capacity()));
        self.write(&mut object);
        if let Some(id) = id {
            object.raw("id", id.as_str());
        }
        object.finish()
    }

    /// The length of [`to_json`](Self::to_json), without making it.
    pub fn json_len(&self) -> usize {
        let mut object = ObjectWriter::to(Length(0));
        self.write(&mut object);
        object.finish().0
    }

    /// Memory that the message's text needs at least, and an event's text usually at most.
    fn capacity(&self) -> usize {
        match self {
            Self::Event { channel, event } => {
                let name = event
                    .name
                    .as_ref()
                    .map_or(0, |name| name.as_str().len() + 11);
                let from = event.from.as_ref().map_or(0, |from| from.len() + 10);
                let labels = channel.len() + event.id.as_str().len() + name + from;
                event.data.as_str().len() + labels + 100
            }
            Self::Message { content, .. } => content.as_str().len() + 128,
            _ => 128,
        }
    }

    fn write(&self, out: &mut ObjectWriter<impl Write>) {
        match self {
            Self::Authenticated { user, expires_in } => {
                out.authenticated(*user, *expires_in);
            }
            Self::Joined {
                room,
                members,
                resumption,
                presence,
            } => {
                out.string("type", "joined").string("room", room);
                out.number("members", *members as u64)
                    .resumption(*resumption)
                    .presence(*presence);
            }
            Self::Left { room, reason } => {
                out.string("type", "left").string("room", room);
                out.end_reason(*reason);
            }
            Self::Sent { room, offset } => {
                out.string("type", "sent").string("room", room);
                if let Some(offset) = offset {
                    out.number("offset", *offset);
                }
            }
            Self::Message {
                room,
                from,
                content,
            } => {
                out.string("type", "message").string("room", room);
                out.string("from", from).raw("content", content.as_str());
            }
            Self::UserJoined { room, user_id } => {
                out.string("type", "user_joined").string("room", room);
                out.string("user_id", user_id);
            }
            Self::UserLeft { room, user_id } => {
                out.string("type", "user_left").string("room", room);
                out.string("user_id", user_id);
            }
            Self::Subscribed {
                channel,
                resumption,
                presence,
            } => {
                out.string("type", "subscribed").string("channel", channel);
                out.resumption(*resumption).presence(*presence);
            }
            Self::Unsubscribed { channel, reason } => {
                out.string("type", "unsubscribed")
                    .string("channel", channel);
                out.end_reason(*reason);
            }
            Self::Event { channel, event } => {
                out.string("type", "event").string("channel", channel);
                if let Some(from) = &event.from {
                    out.string("from", from);
                }
                if let Some(name) = &event.name {
                    out.string("event", name.as_str());
                }
                out.event_data(event);
            }
            Self::History {
                topic,
                top,
                items,
                more,
            } => {
                out.string("type", "history").topic(*topic);
                out.number("offset", top.offset).string("epoch", &top.epoch);
                out.raw("items", &format!("[{}]", items.join(",")));
                out.raw("more", if *more { "true" } else { "false" });
            }
            Self::Published {
                channel,
                event_id,
                offset,
            } => {
                out.string("type", "published").string("channel", channel);
                out.string("event_id", event_id.as_str());
                if let Some(offset) = offset {
                    out.number("offset", *offset);
                }
            }
            Self::Presence { topic, presence } => out.present(*topic, presence),
            Self::Gap { topic, gap } => {
                out.string("type", "gap").topic(*topic);
                out.number("missed", gap.missed);
                if let Some((from, to)) = gap.offsets {
                    out.number("from", from).number("to", to);
                }
            }
            Self::Pong => {
                out.string("type", "pong");
            }
            Self::Error { refusal } => out.error(refusal),
        }
    }
}

/// Adds an offset to an encoded publication, as the last field.
///
/// `publication` must be the UTF-8 text of a JSON object with members.
pub(super) fn append_offset(publication: &[u8], offset: u64) -> Vec<u8> {
    let mut text = Vec::with_capacity(publication.len() + 32);
    text.extend_from_slice(publication.strip_suffix(b"}").unwrap_or(publication));
    // Writing to a Vec cannot fail.
    let _ = io::Write::write_fmt(&mut text, format_args!(",\"offset\":{offset}}}"));
    text
}

/// Counts the bytes that are written to it.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Writes a JSON object field by field. The order of the fields is that of `docs/PROTOCOL.md`.
/// Writing to a `String` or a `Length` cannot fail.
struct ObjectWriter<T> {
    to: T,
    is_empty: bool,
}

impl<T: Write> ObjectWriter<T> {
    fn to(to: T) -> Self {
        Self { to, is_empty: true }
    }

    fn text(&mut self, text: &str) {
        let _ = self.to.write_str(text);
    }

    fn key(&mut self, key: &str) {
        self.text(if self.is_empty { "{\"" } else { ",\"" });
        self.is_empty = false;
        self.text(key);
        self.text("\":");
    }

    fn string(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        let _ = push_string(&mut self.to, value);
        self
    }

    fn authenticated(&mut self, user: Option<&str>, expires_in: Option<u64>) {
        self.string("type", "authenticated");
        match user {
            Some(user) => self.string("user", user),
            None => self.raw("user", "null"),
        };
        if let Some(seconds) = expires_in {
            self.number("expires_in", seconds);
        }
    }

    fn error(&mut self, refusal: &Refusal) {
        let code = refusal.code;
        self.string("type", "error").string("code", code.as_str());
        self.string("message", code.message());
        if let Some(time) = refusal.retry_after_ms() {
            self.number("retry_after_ms", time.into());
        }
        if refusal.is_of_bytes() {
            self.string("limit", "bytes");
        }
        match &refusal.subject {
            Subject::None => {}
            Subject::Room(room) => drop(self.string("room", room)),
            Subject::Channel(channel) => drop(self.string("channel", channel)),
            Subject::Field(field) => drop(self.string("field", field)),
        }
    }

    fn end_reason(&mut self, reason: Option<EndReason>) {
        if let Some(reason) = reason {
            self.string("reason", reason.as_str());
        }
    }

    fn resumption(&mut self, resumption: Option<&Resumption>) -> &mut Self {
        let Some(resumption) = resumption else {
            return self;
        };
        if let Some(top) = &resumption.top {
            self.number("offset", top.offset)
                .string("epoch", &top.epoch);
        }
        match resumption.recovered {
            None => {}
            Some(Ok(())) => drop(self.raw("recovered", "true")),
            Some(Err(reason)) => {
                self.raw("recovered", "false");
                self.string("reason", reason.as_str());
            }
        }
        let follows = resumption.recovered.is_some() || resumption.last_requested;
        if resumption.top.is_some() && follows {
            self.number("replayed", resumption.replayed);
        }
        self
    }

    fn present(&mut self, topic: TopicName<'_>, presence: &Presence) {
        self.string("type", "presence").topic(topic).text(",");
        let _ = push_presence(&mut self.to, presence);
    }

    fn presence(&mut self, presence: Option<&Presence>) {
        if let Some(presence) = presence {
            self.key("presence");
            self.text("{");
            let _ = push_presence(&mut self.to, presence);
            self.text("}");
        }
    }

    fn topic(&mut self, topic: TopicName<'_>) -> &mut Self {
        match topic {
            TopicName::Room(room) => self.string("room", room),
            TopicName::Channel(channel) => self.string("channel", channel),
        }
    }

    fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        let _ = write!(self.to, "{value}");
        self
    }

    fn event_data(&mut self, event: &Event) -> &mut Self {
        self.key("data");
        let _ = push_event_data(&mut self.to, event);
        self
    }

    fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.text(json);
        self
    }

    fn finish(mut self) -> T {
        self.text("}");
        self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ErrorCode, EventData, EventId, EventName, Refusal};

    #[test]
    fn messages_are_encoded_as_documented() {
        let joined = ServerMessage::Joined {
            room: "general",
            members: 5,
            resumption: None,
            presence: None,
        };
        assert_eq!(
            joined.to_json(),
            r#"{"type":"joined","room":"general","members":5}"#
        );
        let message = ServerMessage::Message {
            room: "general",
            from: "u1",
            content: &Json::from("Hello!"),
        };
        assert_eq!(
            message.to_json(),
            r#"{"type":"message","room":"general","from":"u1","content":"Hello!"}"#
        );
        assert_eq!(ServerMessage::Pong.to_json(), r#"{"type":"pong"}"#);
    }

    #[test]
    fn an_error_has_its_code_and_subject_and_echoes_the_id() {
        let error = ServerMessage::Error {
            refusal: &Refusal::new(ErrorCode::RoomFull).about(TopicName::Room("a\"b")),
        };
        assert_eq!(
            error.to_reply(Some(&Json::from("c1"))),
            r#"{"type":"error","code":"room_full","message":"Room full","room":"a\"b","id":"c1"}"#
        );
    }

    #[test]
    fn the_length_of_an_event_is_that_of_its_text() {
        for data in [
            "{}",
            "[1]",
            r#"{"id":1}"#,
            r#"{"id":1,"timestamp":2}"#,
            r#"{ "a" : 1 }"#,
        ] {
            for name in [None, EventName::new("a \"name\"").ok()] {
                let event = Event {
                    id: EventId::new("an \"id\" ü").unwrap(),
                    timestamp: "2024-01-15T10:30:00.000Z".to_owned(),
                    from: name.is_some().then(|| "ann \"é".into()),
                    name,
                    data: EventData::parse(data).unwrap(),
                };
                let message = ServerMessage::Event {
                    channel: "a \\ channel",
                    event: &event,
                };
                assert_eq!(message.json_len(), message.to_json().len());
            }
        }
    }

    #[test]
    fn the_offset_is_the_last_field() {
        assert_eq!(
            append_offset(br#"{"type":"event","data":{}}"#, 42),
            br#"{"type":"event","data":{},"offset":42}"#
        );
    }
}
