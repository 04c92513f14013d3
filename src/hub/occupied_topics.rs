//! The topics that have members, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::sorted::values_after;
use super::topic::Topic;
use crate::protocol::TopicKind;

/// The topics that have members, sorted by name, without the server's own channels (`$…`).
///
/// Locks: a topic's state, then this.
#[derive(Debug, Default)]
pub(super) struct OccupiedTopics {
    channels: RwLock<ByName>,
    rooms: RwLock<ByName>,
}

type ByName = BTreeMap<Arc<str>, Arc<Topic>>;

impl OccupiedTopics {
    /// Adds a topic that has its first member. The topic is locked.
    pub(super) fn insert(&self, topic: &Arc<Topic>) {
        if is_listed(topic) {
            let mut topics = self.of(topic.kind()).write();
            topics.insert(topic.name().clone(), topic.clone());
        }
    }

    /// Removes a topic that has lost its last member. The topic is locked.
    pub(super) fn remove(&self, topic: &Topic) {
        if is_listed(topic) {
            self.of(topic.kind()).write().remove(topic.name());
        }
    }

    /// The first `limit` topics of a kind after the name `after`, and the number of all of them.
    pub(super) fn page(
        &self,
        kind: TopicKind,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Arc<Topic>>, usize) {
        let topics = self.of(kind).read();
        (values_after(&topics, after, limit), topics.len())
    }

    fn of(&self, kind: TopicKind) -> &RwLock<ByName> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Room => &self.rooms,
        }
    }
}

fn is_listed(topic: &Topic) -> bool {
    !topic.name().starts_with('$')
}
