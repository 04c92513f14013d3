//! The questions that a policy is asked. Fields may be added to them.

use crate::hub::ClientRef;
use crate::protocol::{
    ChannelName, EventData, EventId, EventName, Identity, Json, ResumeRequest, RoomName, Target,
    Token, TopicName,
};

/// May this client connect?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Connect<'a> {
    /// The future client, with the id that it will have.
    pub client: ClientRef<'a>,
    /// The token that it brings, if the policy takes [`tokens`](super::Policy::tokens).
    pub token: Option<&'a Token>,
}

/// Is this token valid for this client, which is connected?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Authenticate<'a> {
    /// The client, with its present identity.
    pub client: ClientRef<'a>,
    /// The token.
    pub token: &'a Token,
}

/// May this client stay in a room or channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Membership<'a> {
    /// The client, with its new identity.
    pub client: ClientRef<'a>,
    /// The room or channel; never one of the server's own (`$…`).
    pub topic: Topic<'a>,
}

/// May this client subscribe to a channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Subscribe<'a> {
    /// The client that asks.
    pub client: ClientRef<'a>,
    /// The channel; never one of the server's own (`$…`).
    pub channel: &'a ChannelName,
    /// The token for this channel alone that the client sent, if it did. A policy that accepts it
    /// answers with [`Terms::granted_by`](super::Terms::granted_by).
    pub token: Option<&'a Token>,
    /// The client's resume request, if it sent one.
    pub resume: Option<&'a ResumeRequest>,
}

/// May this client join a room?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Join<'a> {
    /// The client that asks.
    pub client: ClientRef<'a>,
    /// The room.
    pub room: &'a RoomName,
    /// The client's resume request, if it sent one.
    pub resume: Option<&'a ResumeRequest>,
}

/// May this member send a message to its room?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The client that asks; a member of the room.
    pub client: ClientRef<'a>,
    /// The room.
    pub room: &'a RoomName,
    /// The content: any JSON value.
    pub content: &'a Json,
}

/// May this client read the history of a room or channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct History<'a> {
    /// The client that asks; for a room, one of its members.
    pub client: ClientRef<'a>,
    /// The room or channel; never one of the server's own (`$…`).
    pub topic: Topic<'a>,
}

/// May this client know who is present in a room or channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Presence<'a> {
    /// The client that asks; for a room, one of its members, or one that may join.
    pub client: ClientRef<'a>,
    /// The room or channel; never one of the server's own (`$…`).
    pub topic: Topic<'a>,
}

/// The room or channel that a question is about.
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

/// May this client publish an event to a channel?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ClientPublish<'a> {
    /// The client that asks. It need not be subscribed.
    pub client: ClientRef<'a>,
    /// The channel; never one of the server's own (`$…`).
    pub channel: &'a ChannelName,
    /// The client's idempotency key.
    pub id: Option<&'a EventId>,
    /// The client's name for this kind of event.
    pub name: Option<&'a EventName>,
    /// The payload.
    pub data: &'a EventData,
}

/// May this event be published?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Publish<'a> {
    /// The publisher: the identity in the extensions of the HTTP request.
    pub publisher: Option<&'a Identity>,
    /// Who receives the event. If there are several channels, the answer covers all of them.
    pub target: &'a Target,
    /// The publisher's idempotency key.
    pub id: Option<&'a EventId>,
    /// The publisher's name for this kind of event.
    pub name: Option<&'a EventName>,
    /// The payload.
    pub data: &'a EventData,
}
