//! What a policy is asked. More fields may come.

use crate::hub::ClientRef;
use crate::protocol::{
    ChannelName, EventData, EventId, EventName, Identity, Json, ResumeRequest, RoomName, Target,
    TopicName,
};

/// May this client connect?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Connect<'a> {
    /// Who wants to connect, under the id that it will have.
    pub client: ClientRef<'a>,
}

/// May this client subscribe to a channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Subscribe<'a> {
    /// Who asks.
    pub client: ClientRef<'a>,
    /// The channel; never one of the server's own (`$…`).
    pub channel: &'a ChannelName,
    /// The resume request, if the client made one.
    pub resume: Option<&'a ResumeRequest>,
}

/// May this client join a room?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Join<'a> {
    /// Who asks.
    pub client: ClientRef<'a>,
    /// The room.
    pub room: &'a RoomName,
    /// The resume request, if the client made one.
    pub resume: Option<&'a ResumeRequest>,
}

/// May this member send a message to its room?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Message<'a> {
    /// Who asks; a member of the room.
    pub client: ClientRef<'a>,
    /// The room.
    pub room: &'a RoomName,
    /// Any JSON value.
    pub content: &'a Json,
}

/// May this client read the history of a room or channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct History<'a> {
    /// Who asks; of a room, a member.
    pub client: ClientRef<'a>,
    /// The room or channel; never one of the server's own (`$…`).
    pub topic: Topic<'a>,
}

/// The room or channel whose history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic<'a> {
    /// A room.
    Room(&'a RoomName),
    /// A channel.
    Channel(&'a ChannelName),
}

impl<'a> From<Topic<'a>> for TopicName<'a> {
    fn from(topic: Topic<'a>) -> Self {
        match topic {
            Topic::Room(room) => room.into(),
            Topic::Channel(channel) => channel.into(),
        }
    }
}

/// May this event be published?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Publish<'a> {
    /// Who publishes: the identity in the extensions of the HTTP request.
    pub publisher: Option<&'a Identity>,
    /// Who would receive the event. With several channels, the answer is for all of them.
    pub target: &'a Target,
    /// The publisher's idempotency key.
    pub id: Option<&'a EventId>,
    /// The publisher's name for this kind of event.
    pub name: Option<&'a EventName>,
    /// The payload.
    pub data: &'a EventData,
}
