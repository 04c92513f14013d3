//! Messages the server sends.

use super::{Event, EventId, Gap, Json, Presence, Refusal, Resumption, StreamTop, TopicName};

/// A message from the server to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerMessage<'a> {
    /// The client's token was accepted.
    Authenticated {
        /// Its user; `None` for a token without one.
        user: Option<&'a str>,
        /// Seconds until the token expires, if it does.
        expires_in: Option<u64>,
    },
    /// The client has joined the room.
    Joined {
        /// The room.
        room: &'a str,
        /// The number of members, this client included.
        members: usize,
        /// The answer to the client's resume request, if it made one.
        resumption: Option<&'a Resumption>,
        /// Who is present, if the client asked to be told.
        presence: Option<&'a Presence>,
    },
    /// The client has left the room.
    Left {
        /// The room.
        room: &'a str,
        /// Why, if the client did not ask for it.
        reason: Option<EndReason>,
    },
    /// The client's message was sent to the other members.
    Sent {
        /// The room.
        room: &'a str,
        /// The message's offset, if the room keeps a history.
        offset: Option<u64>,
    },
    /// A message from another member.
    Message {
        /// The room.
        room: &'a str,
        /// The sender: its user, or its client id.
        from: &'a str,
        /// Any JSON value.
        content: &'a Json,
    },
    /// Another client has joined the room.
    UserJoined {
        /// The room.
        room: &'a str,
        /// Its user, or its client id.
        user_id: &'a str,
    },
    /// Another client has left the room.
    UserLeft {
        /// The room.
        room: &'a str,
        /// Its user, or its client id.
        user_id: &'a str,
    },
    /// The client is subscribed to the channel.
    Subscribed {
        /// The channel.
        channel: &'a str,
        /// The answer to the client's resume request, if it made one.
        resumption: Option<&'a Resumption>,
        /// Who is present, if the client asked to be told.
        presence: Option<&'a Presence>,
    },
    /// The client is no longer subscribed to the channel.
    Unsubscribed {
        /// The channel.
        channel: &'a str,
        /// Why, if the client did not ask for it.
        reason: Option<EndReason>,
    },
    /// A published event.
    Event {
        /// The channel.
        channel: &'a str,
        /// The event.
        event: &'a Event,
    },
    /// The client's event was published.
    Published {
        /// The channel.
        channel: &'a str,
        /// The event's id: the client's own, or one that the server generated.
        event_id: &'a EventId,
        /// The event's offset, if the channel keeps a history.
        offset: Option<u64>,
    },
    /// A page of a room's or channel's history.
    History {
        /// The room or channel.
        topic: TopicName<'a>,
        /// The newest publication.
        top: &'a StreamTop,
        /// The publications as they were delivered, oldest first.
        items: &'a [&'a str],
        /// Whether more are kept in the requested direction.
        more: bool,
    },
    /// Who is present, or what has changed.
    Presence {
        /// The room or channel.
        topic: TopicName<'a>,
        /// Who, and how many.
        presence: &'a Presence,
    },
    /// Publications that this client will not get.
    Gap {
        /// The room or channel.
        topic: TopicName<'a>,
        /// Which publications.
        gap: Gap,
    },
    /// The answer to a `ping`.
    Pong,
    /// A command was refused.
    Error {
        /// Why.
        refusal: &'a Refusal,
    },
}

/// Why the server ended a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The client's new token does not allow it.
    Forbidden,
    /// The token that allowed it has expired.
    TokenExpired,
}

impl EndReason {
    /// The reason on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::TokenExpired => "token_expired",
        }
    }
}
