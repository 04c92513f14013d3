//! Who may do what, as the application decides it.
//!
//! A [`Policy`] is asked before the server does what a client wants. It allows, refuses with a
//! code, or changes what was asked for; at once, which costs a call and no allocation, or later.

mod decision;
mod question;

use std::sync::Arc;

pub use self::decision::{Allowed, Answer, Decision, Edit, Terms};
pub use self::question::{Connect, History, Join, Message, Publish, Subscribe, Topic};
pub use crate::hub::{ClientRef, Transport};
pub use crate::protocol::{
    ChannelName, ErrorCode, EventData, EventId, EventName, Identity, Json, JsonError, Refusal,
    ResumeRequest, RoomName, Target, UserId,
};

/// Decides what clients and backends may do. Every method has a default: without a policy,
/// everything is allowed.
///
/// Who is asked: the commands of clients, the channels of event streams, and events that come
/// through the HTTP API. An application's own calls of the server are never asked. The server's
/// own channels (`$all`, `$system`, `$user:<id>`) are decided before the policy, which cannot
/// open them to a client.
///
/// Ordering: a client's commands are decided and carried out one after the other, so its next
/// command waits for a decision that comes later. Meanwhile nothing is read from it.
/// Backpressure: a decision that takes longer than `policy_timeout` is refused with
/// `overloaded`.
/// Panics: a policy that panics in a client's command ends that connection (1011); at a
/// handshake or a publication the request is answered with 500.
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
    /// Asked for every WebSocket and event stream before it is accepted: a refusal is the
    /// answer to the HTTP request. May change who the client is.
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        Decision::allow()
    }

    /// Told once of each connection that `connect` allowed, when it has ended or could not be
    /// made. Must return quickly.
    fn disconnect(&self, client: ClientRef<'_>) {}

    /// Asked for every subscription, also of a client that is subscribed already. May drop
    /// the resume request.
    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        Decision::allow()
    }

    /// Asked for every join, also of a client that is a member already. May drop the
    /// resume request.
    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        Decision::allow()
    }

    /// Asked for every message that a member sends to its room. May change the content.
    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        Decision::allow()
    }

    /// Asked for every page of a history that a client reads. By default members read the
    /// history of their rooms, and that of a channel is for anyone who may subscribe to it.
    fn history<'a>(&'a self, asked: History<'a>) -> Decision<'a, ()> {
        match asked.topic {
            Topic::Room(_) => Decision::allow(),
            Topic::Channel(channel) => {
                let subscribe = Subscribe {
                    client: asked.client,
                    channel,
                    resume: None,
                };
                self.subscribe(subscribe).without_change()
            }
        }
    }

    /// Asked for every event that comes through the HTTP API; of a batch, for all events
    /// before the first is published. May change the name and the payload.
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        Decision::allow()
    }
}

/// A policy that the application keeps too.
impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        (**self).connect(asked)
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
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        (**self).publish(asked)
    }
}

/// Logs that the policy panicked, where that ends neither a connection nor the process.
pub(super) fn note_panic(about: &str) {
    tracing::error!("the policy panicked about {about}");
}

/// The policy of a server without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct AllowAll;

impl Policy for AllowAll {}
