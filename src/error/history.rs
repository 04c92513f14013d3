//! The error of reading a history.

use crate::protocol::{ErrorCode, NameError};

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
}

impl HistoryError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidChannel(_) => ErrorCode::InvalidChannel,
            Self::InvalidRoom(_) => ErrorCode::InvalidRoom,
            Self::NoHistory => ErrorCode::NoHistory,
        }
    }
}
