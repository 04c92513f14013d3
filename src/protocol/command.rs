//! The commands that clients send.

use super::{
    ChannelName, EventData, EventId, EventName, HistoryRequest, Json, PresenceRequest, Refusal,
    ResumeRequest, RoomName, Subject, Token, TopicName,
};

/// A message from a client to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Authenticate with a token: the first time, or again with a newer one.
    Auth {
        /// The token.
        token: Token,
    },
    /// Join a room.
    Join {
        /// The room.
        room: RoomName,
        /// The resume request, if the client made one.
        resume: Option<ResumeRequest>,
        /// Whether it wants to be told who is present; `None` changes nothing.
        presence: Option<bool>,
    },
    /// Leave a room.
    Leave {
        /// The room.
        room: RoomName,
    },
    /// Send a message to the other members of a room.
    Message {
        /// The room.
        room: RoomName,
        /// Any JSON value.
        content: Json,
    },
    /// Subscribe to a channel.
    Subscribe {
        /// The channel.
        channel: ChannelName,
        /// A token for this channel alone, if the client has one.
        token: Option<Token>,
        /// The resume request, if the client made one.
        resume: Option<ResumeRequest>,
        /// Whether it wants to be told who is present; `None` changes nothing.
        presence: Option<bool>,
    },
    /// Publish an event to a channel.
    Publish {
        /// The channel.
        channel: ChannelName,
        /// The client's idempotency key.
        event_id: Option<EventId>,
        /// The client's name for this kind of event.
        event: Option<EventName>,
        /// The payload.
        data: EventData,
    },
    /// Unsubscribe from a channel.
    Unsubscribe {
        /// The channel.
        channel: ChannelName,
    },
    /// Read a page of a room's history.
    RoomHistory {
        /// The room.
        room: RoomName,
        /// The requested page.
        request: HistoryRequest,
    },
    /// Read a page of a channel's history.
    ChannelHistory {
        /// The channel.
        channel: ChannelName,
        /// The requested page.
        request: HistoryRequest,
    },
    /// Ask who is present in a room.
    RoomPresence {
        /// The room.
        room: RoomName,
        /// What it asks.
        request: PresenceRequest,
    },
    /// Ask who is present in a channel.
    ChannelPresence {
        /// The channel.
        channel: ChannelName,
        /// What it asks.
        request: PresenceRequest,
    },
    /// Request a `pong`.
    Ping,
}

impl ClientMessage {
    /// The room or channel that it is about.
    pub(crate) fn topic(&self) -> Option<TopicName<'_>> {
        Some(match self {
            Self::Join { room, .. }
            | Self::Leave { room }
            | Self::Message { room, .. }
            | Self::RoomHistory { room, .. }
            | Self::RoomPresence { room, .. } => room.into(),
            Self::Subscribe { channel, .. }
            | Self::Publish { channel, .. }
            | Self::Unsubscribe { channel }
            | Self::ChannelHistory { channel, .. }
            | Self::ChannelPresence { channel, .. } => channel.into(),
            Self::Auth { .. } | Self::Ping => return None,
        })
    }
}

/// A client's message, with the id that its reply echoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Echoed in the reply.
    pub id: Option<Json>,
    /// The message.
    pub message: ClientMessage,
}

impl Command {
    /// Bytes of the texts in it.
    pub(crate) fn text_bytes(&self) -> usize {
        let message = match &self.message {
            ClientMessage::Join { room, .. }
            | ClientMessage::Leave { room }
            | ClientMessage::RoomHistory { room, .. }
            | ClientMessage::RoomPresence { room, .. } => room.as_str().len(),
            ClientMessage::Message { room, content } => {
                room.as_str().len() + content.as_str().len()
            }
            ClientMessage::Publish {
                channel,
                event_id,
                event,
                data,
            } => {
                let id = event_id.as_ref().map_or(0, |id| id.as_str().len());
                let name = event.as_ref().map_or(0, |name| name.as_str().len());
                channel.as_str().len() + id + name + data.as_str().len()
            }
            ClientMessage::Subscribe { channel, token, .. } => {
                let token = token.as_ref().map_or(0, |token| token.as_str().len());
                channel.as_str().len() + token
            }
            ClientMessage::Unsubscribe { channel }
            | ClientMessage::ChannelHistory { channel, .. }
            | ClientMessage::ChannelPresence { channel, .. } => channel.as_str().len(),
            ClientMessage::Auth { token } => token.as_str().len(),
            ClientMessage::Ping => 0,
        };
        message + id_bytes(self.id.as_ref())
    }
}

fn id_bytes(id: Option<&Json>) -> usize {
    id.map_or(0, |id| id.as_str().len())
}

/// A command that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCommand {
    /// The command's id, if it could be read. Echoed in the reply.
    pub id: Option<Json>,
    /// Why it was refused.
    pub refusal: Refusal,
}

impl RefusedCommand {
    /// Bytes of the texts in it.
    pub(crate) fn text_bytes(&self) -> usize {
        let subject = match &self.refusal.subject {
            Subject::Room(name) | Subject::Channel(name) => name.len(),
            Subject::Field(_) | Subject::None => 0,
        };
        subject + id_bytes(self.id.as_ref())
    }
}

impl From<Refusal> for RefusedCommand {
    fn from(refusal: Refusal) -> Self {
        Self { id: None, refusal }
    }
}
