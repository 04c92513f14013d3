//! The topics that have members, by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::sorted::values_after;
use super::topic::Topic;
use crate::protocol::TopicKind;

/// The topics that have members, sorted by name, without the server's own channels (`$…`). Those are
/// at most as many as the connections, and must not be refused because strangers are in all others.
///
/// Locks: a topic's state, then this.
#[derive(Debug)]
pub(super) struct OccupiedTopics {
    /// Maximum number of topics that have members.
    max: usize,
    count: AtomicUsize,
    channels: RwLock<ByName>,
    rooms: RwLock<ByName>,
}

type ByName = BTreeMap<Arc<str>, Arc<Topic>>;

impl OccupiedTopics {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            count: AtomicUsize::new(0),
            channels: RwLock::default(),
            rooms: RwLock::default(),
        }
    }

    /// Whether this topic, which has no members, may have some. If so, it is counted, and must be
    /// [inserted](Self::insert).
    pub(super) fn reserve(&self, topic: &Topic) -> bool {
        if !is_listed(topic) {
            return true;
        }
        let more = |count: usize| (count < self.max).then_some(count + 1);
        let count = &self.count;
        let reserved = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.is_ok()
    }

    /// Adds a topic that has its first member, and for which there is a reservation. The topic is
    /// locked.
    pub(super) fn insert(&self, topic: &Arc<Topic>) {
        if is_listed(topic) {
            let mut topics = self.of(topic.kind()).write();
            topics.insert(topic.name().clone(), topic.clone());
        }
    }

    /// Removes a topic that has lost its last member. The topic is locked.
    pub(super) fn remove(&self, topic: &Topic) {
        if is_listed(topic) {
            self.count.fetch_sub(1, Ordering::Relaxed);
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
