//! The table of dialects, by the class of a connection.

use std::fmt::Debug;

use super::{At, ClassId};
use crate::protocol::{CloseCode, Gap, Json, ServerMessage, TopicMessage, TopicName};
use crate::wire::Frame;

/// Encodes what the server sends, for one wire protocol. Nothing else builds a message of that
/// protocol, or picks its close codes.
///
/// Locks: methods are called on a shard's task or under a topic's lock, so they must not wait.
pub trait Dialect: Debug + Send + Sync {
    /// A message to one client. A reply echoes the `id` of its command.
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame;

    /// What a topic sends to its members: a publication with its position for clients that receive
    /// positions, or a notice.
    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame;

    /// The same with a position, from the form `plain` without.
    fn sequenced(&self, message: &TopicMessage, plain: &Frame, at: At<'_>) -> Frame {
        let _ = plain;
        self.topic_message(message, Some(at))
    }

    /// The notice that takes the place of publications that the client will not receive.
    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        self.message(&ServerMessage::Gap { topic, gap }, None)
    }

    /// The ping of the heartbeat.
    fn ping(&self) -> Frame {
        Frame::ping()
    }

    /// The last frame of a connection. `reason` defaults to that of the code.
    fn close(&self, code: CloseCode, reason: Option<&str>) -> Frame {
        Frame::close(code.code(), reason.unwrap_or(code.reason()))
    }
}

/// The dialects of a server, by class.
#[derive(Debug, Clone, Copy)]
pub struct Dialects {
    native: &'static dyn Dialect,
    others: &'static [&'static dyn Dialect],
}

impl Dialects {
    /// A table of the native dialect and others, whose classes are 1, 2 and so on. Of these, the
    /// first is that of event streams.
    pub const fn new(
        native: &'static dyn Dialect,
        others: &'static [&'static dyn Dialect],
    ) -> Self {
        Self { native, others }
    }

    /// The dialect of a class; the native one if the class is unknown.
    pub fn of(self, class: ClassId) -> &'static dyn Dialect {
        let other = class.index().checked_sub(1);
        let other = other.and_then(|index| self.others.get(index));
        other.copied().unwrap_or(self.native)
    }

    /// All dialects, in the order of their classes.
    pub fn iter(self) -> impl Iterator<Item = &'static dyn Dialect> {
        std::iter::once(self.native).chain(self.others.iter().copied())
    }
}
