//! Requests to publish an event.

use std::collections::HashSet;

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

/// Why channels cannot be published to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidTarget {
    /// There is no channel, or more than [`Target::MAX_CHANNELS`].
    ChannelCount,
    /// `$system` is one of them, which is for the server's own notices.
    Reserved,
}

impl Target {
    /// Maximum number of channels per event.
    pub const MAX_CHANNELS: usize = 1000;

    /// The subscribers of these channels. A channel that is named twice counts once.
    pub fn channels(mut channels: Vec<ChannelName>) -> Result<Self, InvalidTarget> {
        if channels.is_empty() || channels.len() > Self::MAX_CHANNELS {
            return Err(InvalidTarget::ChannelCount);
        }
        if channels.iter().any(ChannelName::is_system) {
            return Err(InvalidTarget::Reserved);
        }
        if channels.len() > 1 {
            let mut seen = HashSet::with_capacity(channels.len());
            channels.retain(|channel| seen.insert(channel.clone()));
        }
        Ok(Self::Channels(channels))
    }
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
