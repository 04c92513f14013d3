//! Access control by the application.
//!
//! The server asks a [`Policy`] before it carries out a command or a request. The policy allows
//! it, refuses it with a code, or changes it. It answers at once, which costs a call and no
//! allocation, or later.

mod decision;
mod question;
mod tokens;

use std::sync::Arc;

pub use self::decision::{Allowed, Answer, Decision, Edit, Terms};
pub use self::question::{
    Authenticate, ClientPublish, Connect, History, Join, Membership, Message, Presence, Publish,
    Subscribe, Topic,
};
pub use self::tokens::TokenOptions;
pub use crate::hub::{ClientRef, Transport};
pub use crate::protocol::{
    ChannelName, ErrorCode, EventData, EventId, EventName, Identity, Json, JsonError, Refusal,
    ResumeRequest, RoomName, Target, Token, UserId,
};

/// Decides what clients and backends may do. Every method has a default that allows
/// everything.
///
/// The policy is asked about clients' commands, the channels of event streams, and events
/// published through the HTTP API. It is not asked about the application's own calls to the
/// server, nor about the server's own channels (`$all`, `$system`, `$user:<id>`), which it
/// cannot open to other clients.
///
/// Ordering: a client's commands are decided and carried out one at a time. While a decision
/// is pending, nothing more is read from that client.
///
/// Backpressure: if a decision takes longer than `policy_timeout`, the command or request is
/// refused with `overloaded`.
///
/// Panics: if the policy panics on a client's command, that connection is closed (1011); on a
/// handshake or a publication, the request is answered with 500.
///
/// ```
/// use wavecast::policy::{Decision, ErrorCode, Policy, Subscribe, Terms};
///
/// /// `inbox:<user>` is for that user alone.
/// struct Inboxes;
///
/// impl Policy for Inboxes {
///     fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
///         match asked.channel.as_str().strip_prefix("inbox:") {
///             Some(owner) if asked.client.user() != Some(owner) => {
///                 Decision::refuse(ErrorCode::Forbidden)
///             }
///             _ => Decision::allow(),
///         }
///     }
/// }
/// ```
#[allow(unused_variables, reason = "the defaults allow whatever is asked")]
pub trait Policy: Send + Sync + 'static {
    /// How clients bring tokens. Called once, when the server is built. By default they bring none: a
    /// request's `Authorization` is not looked at, and the command `auth` is refused.
    fn tokens(&self) -> Option<TokenOptions> {
        None
    }

    /// Asked about every WebSocket and event stream before it is accepted. A refusal becomes
    /// the answer to the HTTP request. May change the client's identity.
    ///
    /// If the policy takes [`tokens`](Self::tokens), it is asked again when a WebSocket that it refused
    /// with [`ErrorCode::Unauthenticated`] sends a token as its first message.
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        Decision::allow()
    }

    /// Asked about a token that a connected client sends to authenticate again. The identity that it
    /// answers with replaces the client's own, if the user is the same. By default, it is refused
    /// with [`ErrorCode::InvalidToken`].
    fn authenticate<'a>(&'a self, asked: Authenticate<'a>) -> Decision<'a, Identity> {
        Decision::refuse(ErrorCode::InvalidToken)
    }

    /// Asked about each room and channel of a client that has authenticated again. If it is refused,
    /// the membership ends. By default, [`join`](Self::join) or [`subscribe`](Self::subscribe) is asked.
    fn remain<'a>(&'a self, asked: Membership<'a>) -> Decision<'a, ()> {
        let Membership { client, topic } = asked;
        let resume = None;
        match topic {
            Topic::Room(room) => self.join(Join {
                client,
                room,
                resume,
            }),
            Topic::Channel(channel) => self.subscribe(Subscribe {
                client,
                channel,
                token: None,
                resume,
            }),
        }
        .without_change()
    }

    /// Called once for each connection that `connect` allowed, when it has ended or could not
    /// be established. Must return quickly.
    fn disconnect(&self, client: ClientRef<'_>) {}

    /// Asked about every subscription, even if the client is already subscribed. May drop the
    /// resume request ([`Terms::without_resume`]).
    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        Decision::allow()
    }

    /// Asked about every join, even if the client is already a member. May drop the resume
    /// request ([`Terms::without_resume`]).
    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        Decision::allow()
    }

    /// Asked about every message that a member sends to its room. May change the content.
    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        Decision::allow()
    }

    /// Asked about every page of history that a client reads. By default, members may read
    /// the history of their rooms, and anyone who may subscribe to a channel may read its
    /// history.
    fn history<'a>(&'a self, asked: History<'a>) -> Decision<'a, ()> {
        match asked.topic {
            Topic::Room(_) => Decision::allow(),
            Topic::Channel(channel) => {
                let subscribe = Subscribe {
                    client: asked.client,
                    channel,
                    token: None,
                    resume: None,
                };
                self.subscribe(subscribe).without_change()
            }
        }
    }

    /// Asked when a client wants to know who is present, now or from now on. Asked again about those who
    /// are told, when they have authenticated again. By default, members may know who is present in
    /// their rooms, and anyone who may subscribe to a channel may know who is present there.
    fn presence<'a>(&'a self, asked: Presence<'a>) -> Decision<'a, ()> {
        match asked.topic {
            Topic::Room(_) => Decision::allow(),
            Topic::Channel(channel) => {
                let subscribe = Subscribe {
                    client: asked.client,
                    channel,
                    token: None,
                    resume: None,
                };
                self.subscribe(subscribe).without_change()
            }
        }
    }

    /// Asked about every event that a client wants to publish to a channel. May change the name
    /// and the payload. By default, clients publish to no channel.
    fn client_publish<'a>(&'a self, asked: ClientPublish<'a>) -> Decision<'a, Edit> {
        Decision::refuse(ErrorCode::Forbidden)
    }

    /// Asked about every event published through the HTTP API; in a batch, about all events
    /// before the first is published. May change the name and the payload.
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        Decision::allow()
    }
}

/// A policy that the application shares with the server.
impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        (**self).connect(asked)
    }
    fn tokens(&self) -> Option<TokenOptions> {
        (**self).tokens()
    }
    fn authenticate<'a>(&'a self, asked: Authenticate<'a>) -> Decision<'a, Identity> {
        (**self).authenticate(asked)
    }
    fn remain<'a>(&'a self, asked: Membership<'a>) -> Decision<'a, ()> {
        (**self).remain(asked)
    }
    fn disconnect(&self, client: ClientRef<'_>) {
        (**self).disconnect(client);
    }
    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        (**self).subscribe(asked)
    }
    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        (**self).join(asked)
    }
    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        (**self).message(asked)
    }
    fn history<'a>(&'a self, asked: History<'a>) -> Decision<'a, ()> {
        (**self).history(asked)
    }
    fn presence<'a>(&'a self, asked: Presence<'a>) -> Decision<'a, ()> {
        (**self).presence(asked)
    }
    fn client_publish<'a>(&'a self, asked: ClientPublish<'a>) -> Decision<'a, Edit> {
        (**self).client_publish(asked)
    }
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        (**self).publish(asked)
    }
}

/// Logs a panic of the policy that ended neither a connection nor the process.
pub(super) fn log_panic(about: &str) {
    tracing::error!("a panic on {about} was caught");
}

/// The policy of a server that was given none.
#[derive(Debug, Clone, Copy)]
pub(super) struct AllowAll;

impl Policy for AllowAll {}
