//! What a topic sends to its members.

use std::sync::Arc;
use std::time::Duration;

use super::{Event, Json, Presence, ServerMessage, TopicKind, TopicName};

/// A message from a topic to its members. It owns its parts, so that it can be encoded for a
/// dialect when the first of its clients needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicMessage {
    /// A published event.
    Event {
        /// The channel.
        channel: Arc<str>,
        /// The event, shared by all its channels.
        event: Arc<Event>,
    },
    /// The notice of a shutdown, which is an event too.
    Shutdown {
        /// The channel.
        channel: Arc<str>,
        /// The event.
        event: Arc<Event>,
        /// Within which time clients should reconnect, each at a random time.
        window: Duration,
    },
    /// A message from a member of a room.
    Message {
        /// The room.
        room: Arc<str>,
        /// The sender: its user, or its client id.
        from: Box<str>,
        /// Any JSON value.
        content: Json,
    },
    /// A client has joined a room.
    UserJoined {
        /// The room.
        room: Arc<str>,
        /// Its user, or its client id.
        user_id: Box<str>,
    },
    /// A client has left a room.
    UserLeft {
        /// The room.
        room: Arc<str>,
        /// Its user, or its client id.
        user_id: Box<str>,
    },
    /// What has changed of those who are present.
    Presence {
        /// Room or channel.
        kind: TopicKind,
        /// Its name.
        name: Arc<str>,
        /// The change.
        presence: Presence,
    },
}

impl TopicMessage {
    /// The message, as clients receive it.
    pub fn as_server_message(&self) -> ServerMessage<'_> {
        match self {
            Self::Event { channel, event } | Self::Shutdown { channel, event, .. } => {
                ServerMessage::Event { channel, event }
            }
            Self::Message {
                room,
                from,
                content,
            } => ServerMessage::Message {
                room,
                from,
                content,
            },
            Self::UserJoined { room, user_id } => ServerMessage::UserJoined { room, user_id },
            Self::UserLeft { room, user_id } => ServerMessage::UserLeft { room, user_id },
            Self::Presence {
                kind,
                name,
                presence,
            } => ServerMessage::Presence {
                topic: TopicName::new(*kind, name),
                presence,
            },
        }
    }

    /// Bytes of its texts.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Event { event, .. } | Self::Shutdown { event, .. } => {
                let name = event.name.as_ref().map_or(0, |name| name.as_str().len());
                let from = event.from.as_ref().map_or(0, |from| from.len());
                let labels = event.id.as_str().len() + event.timestamp.len() + name + from;
                size_of::<Event>() + labels + event.data.as_str().len()
            }
            Self::Message { from, content, .. } => from.len() + content.as_str().len(),
            Self::UserJoined { user_id, .. } | Self::UserLeft { user_id, .. } => user_id.len(),
            // Never a part of a history, so nobody counts it.
            Self::Presence { .. } => 0,
        }
    }
}
