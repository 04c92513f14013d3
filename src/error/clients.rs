//! Errors of a client's handle: of sending and of disconnecting.

use crate::hub::HubClosed;
use crate::node::Unavailable;
use crate::protocol::ErrorCode;

/// Why a message was not sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The mailbox of the client's shard stayed full for
    /// [`publish.timeout`](crate::config::PublishConfig::timeout), and the message was not sent.
    /// Try again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The server has shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl SendError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Overloaded => ErrorCode::Overloaded,
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<Unavailable> for SendError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Overloaded => Self::Overloaded,
            Unavailable::Closed(HubClosed) => Self::ShuttingDown,
        }
    }
}

/// Why a client was not disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectError {
    /// The server has shut down, so the client's connection is gone too.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl DisconnectError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<HubClosed> for DisconnectError {
    fn from(HubClosed: HubClosed) -> Self {
        Self::ShuttingDown
    }
}
