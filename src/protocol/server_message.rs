//! Messages the server sends.

use std::fmt::Write as _;

use super::json::{Json, push_string};
use super::names::reaches_everyone;
use super::{ErrorCode, Event, Resumed};

/// What an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorSubject {
    /// Nothing that can be named.
    None,
    /// A room.
    Room(Box<str>),
    /// A channel.
    Channel(Box<str>),
    /// A field of the command.
    Field(&'static str),
}

/// A room or a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicName<'a> {
    /// A room.
    Room(&'a str),
    /// A channel.
    Channel(&'a str),
}

impl TopicName<'_> {
    /// Whether every connection hears it without subscribing; no history is kept of that.
    pub fn reaches_everyone(self) -> bool {
        matches!(self, Self::Channel(name) if reaches_everyone(name))
    }
}

/// What the server tells a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// The client is a member of the room.
    Joined {
        /// The room.
        room: &'a str,
        /// Members, the client among them.
        members: usize,
        /// The answer to what the client wanted of the past.
        resumed: Option<Resumed<'a>>,
    },
    /// The client is no longer a member of the room.
    Left {
        /// The room.
        room: &'a str,
    },
    /// The client's message was sent to the other members.
    Sent {
        /// The room.
        room: &'a str,
        /// The message's offset, where the room keeps a history.
        offset: Option<u64>,
    },
    /// Another member said something.
    Message {
        /// The room.
        room: &'a str,
        /// Who said it: the user, or the client's id.
        from: &'a str,
        /// What was said: any JSON value.
        content: &'a Json,
    },
    /// Another client became a member.
    UserJoined {
        /// The room.
        room: &'a str,
        /// The user, or the client's id.
        user_id: &'a str,
    },
    /// Another client is no longer a member.
    UserLeft {
        /// The room.
        room: &'a str,
        /// The user, or the client's id.
        user_id: &'a str,
    },
    /// The client hears the channel.
    Subscribed {
        /// The channel.
        channel: &'a str,
        /// The answer to what the client wanted of the past.
        resumed: Option<Resumed<'a>>,
    },
    /// The client no longer hears the channel.
    Unsubscribed {
        /// The channel.
        channel: &'a str,
    },
    /// An event was published.
    Event {
        /// The channel.
        channel: &'a str,
        /// The event.
        event: &'a Event,
    },
    /// A part of a history.
    History {
        /// Whose.
        topic: TopicName<'a>,
        /// The newest publication and its epoch.
        newest: (u64, &'a str),
        /// The publications as they were delivered, oldest first.
        items: &'a [&'a str],
        /// Whether there is more in the direction that was asked for.
        more: bool,
    },
    /// Publications were left out for this client.
    Gap {
        /// Whose.
        topic: TopicName<'a>,
        /// How many.
        missed: u64,
        /// The first and the last offset, for a client that has positions.
        offsets: Option<(u64, u64)>,
    },
    /// Answer to a `ping`.
    Pong,
    /// A command was refused.
    Error {
        /// The stable code.
        code: ErrorCode,
        /// What the error is about.
        subject: &'a ErrorSubject,
    },
}

impl ServerMessage<'_> {
    /// The message as one JSON object.
    pub fn to_json(&self) -> String {
        self.to_reply(None)
    }

    /// The message as one JSON object that echoes the `id` of the command it answers.
    pub fn to_reply(&self, id: Option<&Json>) -> String {
        let mut object = ObjectWriter::new();
        self.write(&mut object);
        if let Some(id) = id {
            object.raw("id", id.as_str());
        }
        object.finish()
    }

    fn write(&self, out: &mut ObjectWriter) {
        match self {
            Self::Joined {
                room,
                members,
                resumed,
            } => {
                out.string("type", "joined").string("room", room);
                out.number("members", *members as u64).resumed(*resumed);
            }
            Self::Left { room } => {
                out.string("type", "left").string("room", room);
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
            Self::Subscribed { channel, resumed } => {
                out.string("type", "subscribed").string("channel", channel);
                out.resumed(*resumed);
            }
            Self::Unsubscribed { channel } => {
                out.string("type", "unsubscribed")
                    .string("channel", channel);
            }
            Self::Event { channel, event } => {
                out.string("type", "event").string("channel", channel);
                if let Some(name) = &event.name {
                    out.string("event", name);
                }
                out.raw("data", event.data().as_str());
            }
            Self::History {
                topic,
                newest: (offset, epoch),
                items,
                more,
            } => {
                out.string("type", "history").topic(*topic);
                out.number("offset", *offset).string("epoch", epoch);
                out.raw("items", &format!("[{}]", items.join(",")));
                out.raw("more", if *more { "true" } else { "false" });
            }
            Self::Gap {
                topic,
                missed,
                offsets,
            } => {
                out.string("type", "gap").topic(*topic);
                out.number("missed", *missed);
                if let Some((from, to)) = offsets {
                    out.number("from", *from).number("to", *to);
                }
            }
            Self::Pong => {
                out.string("type", "pong");
            }
            Self::Error { code, subject } => {
                out.string("type", "error").string("code", code.as_str());
                out.string("message", code.message());
                match subject {
                    ErrorSubject::None => {}
                    ErrorSubject::Room(room) => drop(out.string("room", room)),
                    ErrorSubject::Channel(channel) => drop(out.string("channel", channel)),
                    ErrorSubject::Field(field) => drop(out.string("field", field)),
                }
            }
        }
    }
}

/// Writes one flat JSON object field by field, in the order of the documents.
struct ObjectWriter(String);

impl ObjectWriter {
    fn new() -> Self {
        Self(String::with_capacity(128))
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn string(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        push_string(&mut self.0, value);
        self
    }

    fn resumed(&mut self, resumed: Option<Resumed<'_>>) -> &mut Self {
        let Some(resumed) = resumed else { return self };
        if let Some((offset, epoch)) = resumed.newest {
            self.number("offset", offset).string("epoch", epoch);
        }
        match resumed.recovered {
            None => {}
            Some(Ok(())) => drop(self.raw("recovered", "true")),
            Some(Err(reason)) => {
                self.raw("recovered", "false");
                self.string("reason", reason.as_str());
            }
        }
        let follows = resumed.recovered.is_some() || resumed.replayed > 0;
        if resumed.newest.is_some() && follows {
            self.number("replayed", resumed.replayed);
        }
        self
    }

    fn topic(&mut self, topic: TopicName<'_>) -> &mut Self {
        match topic {
            TopicName::Room(room) => self.string("room", room),
            TopicName::Channel(channel) => self.string("channel", channel),
        }
    }

    fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
        self
    }

    fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.0.push_str(json);
        self
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_those_of_the_documents() {
        let joined = ServerMessage::Joined {
            room: "general",
            members: 5,
            resumed: None,
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
    fn an_error_names_its_code_and_what_it_is_about_and_echoes_the_id() {
        let error = ServerMessage::Error {
            code: ErrorCode::RoomFull,
            subject: &ErrorSubject::Room("a\"b".into()),
        };
        assert_eq!(
            error.to_reply(Some(&Json::from("c1"))),
            r#"{"type":"error","code":"room_full","message":"Room full","room":"a\"b","id":"c1"}"#
        );
    }
}
