//! When the sweeper looks at which topic.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::hub::topic::{Topic, TopicId};
use crate::protocol::TopicKind;

/// The topics that were ever published to, by the time at which the sweeper looks at them next.
/// Each is in it once.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    channels: Due,
    rooms: Due,
}

type Due = BTreeMap<(Instant, TopicId), Arc<Topic>>;

impl Schedule {
    /// Moves a topic from the time `before` to the time `due`.
    pub(super) fn set(&mut self, topic: &Arc<Topic>, before: Option<Instant>, due: Instant) {
        self.remove(topic, before);
        let topics = self.of_mut(topic.kind());
        topics.insert((due, topic.id()), topic.clone());
    }

    /// Removes a topic that is scheduled for the time `due`, if it is scheduled at all.
    pub(super) fn remove(&mut self, topic: &Arc<Topic>, due: Option<Instant>) {
        if let Some(due) = due {
            self.of_mut(topic.kind()).remove(&(due, topic.id()));
        }
    }

    /// Removes and returns a topic that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Arc<Topic>> {
        let pop = |topics: &mut Due| {
            let first = topics.first_entry()?;
            (first.key().0 <= now).then(|| first.remove())
        };
        pop(&mut self.channels).or_else(|| pop(&mut self.rooms))
    }

    /// All topics of a kind.
    pub(super) fn of(&self, kind: TopicKind) -> impl Iterator<Item = &Arc<Topic>> {
        match kind {
            TopicKind::Channel => self.channels.values(),
            TopicKind::Room => self.rooms.values(),
        }
    }

    fn of_mut(&mut self, kind: TopicKind) -> &mut Due {
        match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Room => &mut self.rooms,
        }
    }
}
