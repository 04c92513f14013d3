//! What a client is told when publications were left out for it.

use super::topic::{Topic, TopicKind};
use crate::protocol::{ServerMessage, TopicName};
use crate::wire::Frame;

/// Publications that were left out for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// How many.
    pub(super) missed: u64,
    /// The first and the last offset, for a client that has positions.
    pub(super) offsets: Option<(u64, u64)>,
}

impl Gap {
    /// Every publication from `from` to `to`.
    pub(super) fn between(from: u64, to: u64) -> Self {
        Self {
            missed: to - from + 1,
            offsets: Some((from, to)),
        }
    }

    /// This one and a later one of the same topic.
    pub(super) fn and(self, later: Self) -> Self {
        let offsets = match (self.offsets, later.offsets) {
            (Some((from, _)), Some((_, to))) => Some((from, to)),
            (known, None) | (None, known) => known,
        };
        Self {
            missed: self.missed + later.missed,
            offsets,
        }
    }

    /// The notice that stands in the place of the publications.
    pub(super) fn notice(self, topic: &Topic) -> Frame {
        let topic = match topic.kind() {
            TopicKind::Room => TopicName::Room(topic.name()),
            TopicKind::Channel => TopicName::Channel(topic.name()),
        };
        let notice = ServerMessage::Gap {
            topic,
            missed: self.missed,
            offsets: self.offsets,
        };
        Frame::text(notice.to_json().into())
    }
}
