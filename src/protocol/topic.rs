//! Rooms and channels as one concept: the topic.

use super::names::{ChannelName, RoomName, reaches_everyone};

/// The two kinds of topic. Each kind has its own namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKind {
    /// A two-way group whose membership is limited and announced.
    Room,
    /// One-way: clients subscribe, backends publish.
    Channel,
}

/// A topic's kind and name, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicName<'a> {
    /// A room.
    Room(&'a str),
    /// A channel.
    Channel(&'a str),
}

impl<'a> TopicName<'a> {
    /// The topic of this kind and name.
    pub fn new(kind: TopicKind, name: &'a str) -> Self {
        match kind {
            TopicKind::Room => Self::Room(name),
            TopicKind::Channel => Self::Channel(name),
        }
    }

    /// Room or channel.
    pub fn kind(self) -> TopicKind {
        match self {
            Self::Room(_) => TopicKind::Room,
            Self::Channel(_) => TopicKind::Channel,
        }
    }

    /// The name without its kind.
    pub fn name(self) -> &'a str {
        match self {
            Self::Room(name) | Self::Channel(name) => name,
        }
    }

    /// Whether every connection receives it without subscribing (`$all`, `$system`). Such
    /// a channel keeps no history.
    pub fn reaches_everyone(self) -> bool {
        matches!(self, Self::Channel(name) if reaches_everyone(name))
    }
}

impl<'a> From<&'a RoomName> for TopicName<'a> {
    fn from(room: &'a RoomName) -> Self {
        Self::Room(room.as_str())
    }
}

impl<'a> From<&'a ChannelName> for TopicName<'a> {
    fn from(channel: &'a ChannelName) -> Self {
        Self::Channel(channel.as_str())
    }
}
