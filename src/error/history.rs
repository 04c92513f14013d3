//! The error of reading a history.

use crate::protocol::{ErrorCode, NameError, Refusal};

/// Why a page of history was not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The text is not a valid channel name.
    #[error("invalid channel name")]
    InvalidChannel(#[source] NameError),
    /// The text is not a valid room name.
    #[error("invalid room name")]
    InvalidRoom(#[source] NameError),
    /// The channel or room keeps no history.
    #[error("no history is kept")]
    NoHistory,
    /// The history contains what cannot be shown as JSON. A fault of the server.
    #[error("the history cannot be read")]
    Unreadable,
}

impl HistoryError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidChannel(_) => ErrorCode::InvalidChannel,
            Self::InvalidRoom(_) => ErrorCode::InvalidRoom,
            Self::NoHistory => ErrorCode::NoHistory,
            Self::Unreadable => ErrorCode::Internal,
        }
    }
}

impl From<Refusal> for HistoryError {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            ErrorCode::NoHistory => Self::NoHistory,
            _ => Self::Unreadable,
        }
    }
}
