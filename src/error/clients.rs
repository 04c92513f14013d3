//! Errors of a client's handle: of sending and of disconnecting.

use crate::hub::HubClosed;
use crate::protocol::ErrorCode;

/// Why a message was not sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The server has shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl SendError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<HubClosed> for SendError {
    fn from(HubClosed: HubClosed) -> Self {
        Self::ShuttingDown
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
