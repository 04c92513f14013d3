//! Errors of rooms: of joining, of leaving and of broadcasting.

use crate::hub::{HubClosed, JoinError, LeaveError};
use crate::node::Unavailable;
use crate::protocol::{ErrorCode, NameError};

/// Why a client did not join a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRoomError {
    /// The text is not a valid room name.
    #[error("invalid room name")]
    InvalidRoom(#[from] NameError),
    /// The room has its maximum number of members
    /// ([`max_clients_per_room`](crate::WebSocketConfig::max_clients_per_room)). Try again
    /// when a member has left.
    #[error("the room is full")]
    RoomFull,
    /// The client is already in its maximum number of rooms and channels
    /// ([`topics_per_client`](crate::config::LimitsConfig::topics_per_client)) and must leave one
    /// first, or the room is new and all clients together are in the maximum number
    /// ([`topics`](crate::config::LimitsConfig::topics)).
    #[error("too many rooms and channels")]
    TooManyTopics,
    /// The client disconnected before it could join.
    #[error("the client has disconnected")]
    Disconnected,
    /// The shards' mailboxes stayed full for
    /// [`publish.timeout`](crate::config::PublishConfig::timeout), and the client has not joined.
    /// Try again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The server has shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl JoinRoomError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRoom(_) => ErrorCode::InvalidRoom,
            Self::RoomFull => ErrorCode::RoomFull,
            Self::TooManyTopics => ErrorCode::TooManyTopics,
            Self::Disconnected => ErrorCode::NotFound,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<JoinError> for JoinRoomError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Full => Self::RoomFull,
            JoinError::TooManyTopics => Self::TooManyTopics,
            JoinError::Disconnected => Self::Disconnected,
            JoinError::Overloaded => Self::Overloaded,
            JoinError::Closed(HubClosed) => Self::ShuttingDown,
        }
    }
}

impl From<HubClosed> for JoinRoomError {
    fn from(HubClosed: HubClosed) -> Self {
        Self::ShuttingDown
    }
}

/// Why a client did not leave a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveRoomError {
    /// The text is not a valid room name.
    #[error("invalid room name")]
    InvalidRoom(#[from] NameError),
    /// The client is not a member of the room, or does not exist.
    #[error("the client is not a member of the room")]
    NotInRoom,
    /// The shards' mailboxes stayed full for
    /// [`publish.timeout`](crate::config::PublishConfig::timeout), and the client is still a
    /// member. Try again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The server has shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl LeaveRoomError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRoom(_) => ErrorCode::InvalidRoom,
            Self::NotInRoom => ErrorCode::NotInRoom,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<LeaveError> for LeaveRoomError {
    fn from(error: LeaveError) -> Self {
        match error {
            LeaveError::NotAMember => Self::NotInRoom,
            LeaveError::Overloaded => Self::Overloaded,
            LeaveError::Closed(HubClosed) => Self::ShuttingDown,
        }
    }
}

/// Why a message was not broadcast to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The text is not a valid room name.
    #[error("invalid room name")]
    InvalidRoom(#[from] NameError),
    /// The shards' mailboxes stayed full for
    /// [`publish.timeout`](crate::config::PublishConfig::timeout), and nobody has received the
    /// message. Try again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The server has shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl BroadcastError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRoom(_) => ErrorCode::InvalidRoom,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<Unavailable> for BroadcastError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Overloaded => Self::Overloaded,
            Unavailable::Closed(HubClosed) => Self::ShuttingDown,
        }
    }
}
