//! Requests to publish an event.

use super::{ChannelName, EventData, EventId, EventName, UserId};

/// Who receives an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The subscribers of these channels, in this order.
    Channels(Vec<ChannelName>),
    /// Every connection of a user.
    User(UserId),
    /// Every connection.
    Everyone,
}

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// Who receives it.
    pub target: Target,
    /// The publisher's idempotency key: publishing the same id to a channel again within
    /// `publish_window` delivers nothing and returns the first result.
    pub id: Option<EventId>,
    /// The publisher's name for this kind of event.
    pub name: Option<EventName>,
    /// The payload.
    pub data: EventData,
}
