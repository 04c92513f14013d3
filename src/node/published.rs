//! The result of publishing an event.

use std::fmt;

use serde::Serialize;

use crate::protocol::EventId;

/// A published event.
///
/// Serializes to the answer of `POST /api/events`; an axum handler can return it as its
/// response. Displays as `evt_…, 3 subscribers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Published {
    /// The event's id: the publisher's idempotency key, or one that the server generated.
    pub id: EventId,
    /// When the server accepted the event: RFC 3339 in UTC with milliseconds.
    pub timestamp: String,
    /// The number of subscribers that it was sent to, summed over its channels.
    pub subscribers: usize,
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.subscribers == 1 { "" } else { "s" };
        write!(f, "{}, {} subscriber{plural}", self.id, self.subscribers)
    }
}
