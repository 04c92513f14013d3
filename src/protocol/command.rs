//! Commands: what a client asks for.

use super::{ChannelName, HistoryRequest, Json, Refusal, ResumeRequest, RoomName};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Join a room.
    Join {
        /// The room.
        room: RoomName,
        /// Where to resume, if the client wants past publications or offsets.
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
        /// Where to resume, if the client wants past publications or offsets.
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
        /// Which page.
        request: HistoryRequest,
    },
    /// Read a page of a channel's history.
    ChannelHistory {
        /// The channel.
        channel: ChannelName,
        /// Which page.
        request: HistoryRequest,
    },
    /// Ask for a `pong`.
    Ping,
}

/// A client's message with the id that its reply echoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Echoed in the reply.
    pub id: Option<Json>,
    /// What the client asks for.
    pub message: ClientMessage,
}

/// A command that could not be parsed, with what its reply needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCommand {
    /// The command's id, if it could be read.
    pub id: Option<Json>,
    /// What is wrong.
    pub refusal: Refusal,
}

impl From<Refusal> for RefusedCommand {
    fn from(refusal: Refusal) -> Self {
        Self { id: None, refusal }
    }
}
