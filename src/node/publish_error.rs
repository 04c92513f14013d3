//! Why an event was not published.

use crate::hub::HubClosed;
use crate::protocol::{ErrorCode, InvalidTarget, JsonError, NameError, Refusal, Target};

/// Why an event was not published.
///
/// [`Overloaded`](Self::Overloaded) and [`ShuttingDown`](Self::ShuttingDown) are temporary:
/// publish again, with the same idempotency key (`id`) if the event must not be delivered twice.
/// With any other error, the same event would be refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The text is not a valid channel name.
    #[error("invalid channel name {channel:?}")]
    InvalidChannel {
        /// The invalid name.
        channel: Box<str>,
        /// What is wrong with it.
        source: NameError,
    },
    /// The event is for no channel, or for more than 1000.
    #[error("an event is for 1 to {} channels", Target::MAX_CHANNELS)]
    ChannelCount,
    /// The event is for `$system`, which is for the server's own notices.
    #[error("$system is reserved for the server's own notices")]
    ReservedChannel,
    /// The text is not a valid user id.
    #[error("invalid user id")]
    InvalidUser(#[source] NameError),
    /// The event's id is not a valid idempotency key.
    #[error("invalid event id")]
    InvalidId(#[source] NameError),
    /// The event's name is invalid.
    #[error("invalid event name")]
    InvalidName(#[source] NameError),
    /// The event's data cannot be serialized to JSON, or is not JSON text.
    #[error("invalid event data")]
    InvalidData(#[from] JsonError),
    /// The event is larger than `max_message_size` in the form that clients receive.
    #[error("the event is larger than {limit} bytes in the form that clients receive")]
    TooLarge {
        /// Maximum size of a message, in bytes.
        limit: usize,
    },
    /// The messages of one request, to all channels of all its events, are too large together.
    #[error(
        "the request's messages to all channels are larger than {limit} bytes together; split it"
    )]
    TooManyBytes {
        /// Maximum size of all messages, in bytes.
        limit: usize,
    },
    /// The shards' mailboxes stayed full for `publish_timeout`. Publish again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The server is shutting down. Publish elsewhere, or later.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl PublishError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidChannel { .. } | Self::ChannelCount => ErrorCode::InvalidChannel,
            Self::ReservedChannel => ErrorCode::Forbidden,
            Self::InvalidUser(_) => ErrorCode::InvalidUser,
            Self::InvalidId(_) | Self::InvalidName(_) => ErrorCode::InvalidEvent,
            Self::InvalidData(_) => ErrorCode::InvalidJson,
            Self::TooLarge { .. } | Self::TooManyBytes { .. } => ErrorCode::MessageTooLarge,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::ShuttingDown => ErrorCode::Draining,
        }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        Self::from_error(error.code(), &error)
    }
}

impl From<InvalidTarget> for PublishError {
    fn from(error: InvalidTarget) -> Self {
        match error {
            InvalidTarget::ChannelCount => Self::ChannelCount,
            InvalidTarget::Reserved => Self::ReservedChannel,
        }
    }
}

impl From<HubClosed> for PublishError {
    fn from(HubClosed: HubClosed) -> Self {
        Self::ShuttingDown
    }
}
