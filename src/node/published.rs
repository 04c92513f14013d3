//! What became of an event.

use crate::hub::HubClosed;
use crate::protocol::{ErrorCode, EventId, Refusal};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The event's id.
    pub id: EventId,
    /// When it was accepted, RFC 3339.
    pub timestamp: String,
    /// Deliveries it was sent out for, summed over its channels.
    pub subscribers: usize,
}

/// Why an event was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The event is larger than `max_message_bytes` as clients would get it.
    #[error("the event is larger than {limit} bytes as clients would get it")]
    TooLarge {
        /// Bytes one message may have.
        limit: usize,
    },
    /// Mailboxes stayed full for `publish_timeout`; publish again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The node shuts down; publish elsewhere, or later.
    #[error("the server is shutting down")]
    Draining,
}

impl From<PublishError> for ErrorCode {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooLarge { .. } => Self::MessageTooLarge,
            PublishError::Overloaded => Self::Overloaded,
            PublishError::Draining => Self::Draining,
        }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        Self::new(error.into()).with_detail(error.to_string())
    }
}

impl From<HubClosed> for PublishError {
    fn from(HubClosed: HubClosed) -> Self {
        Self::Draining
    }
}
