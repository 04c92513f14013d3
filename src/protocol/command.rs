//! The commands that clients send.

use super::{ChannelName, HistoryRequest, Json, Refusal, ResumeRequest, RoomName};

/// A message from a client to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Join a room.
    Join {
        /// The room.
        room: RoomName,
        /// The resume request, if the client made one.
        resume: Option<ResumeRequest>,
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
        /// The resume request, if the client made one.
        resume: Option<ResumeRequest>,
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
    /// Request a `pong`.
    Ping,
}

/// A client's message, with the id that its reply echoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Echoed in the reply.
    pub id: Option<Json>,
    /// The message.
    pub message: ClientMessage,
}

/// A command that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCommand {
    /// The command's id, if it could be read. Echoed in the reply.
    pub id: Option<Json>,
    /// Why it was refused.
    pub refusal: Refusal,
}

impl From<Refusal> for RefusedCommand {
    fn from(refusal: Refusal) -> Self {
        Self { id: None, refusal }
    }
}
