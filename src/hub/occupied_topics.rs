//! The topics that have members, by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::sorted::values_after;
use super::topic::Topic;
use crate::protocol::{TopicKind, user_channel, user_of};

/// The topics that have members, sorted by name. Of the server's own channels (`$…`), only those of
/// users are here, in a list of their own. They do not count in the limit: they are at most as many as
/// the connections, and must not be refused because strangers are in all others.
///
/// Locks: a topic's state, then this.
#[derive(Debug)]
pub(super) struct OccupiedTopics {
    /// Maximum number of topics that have members.
    max: usize,
    count: AtomicUsize,
    channels: RwLock<ByName>,
    rooms: RwLock<ByName>,
    /// The channels `$user:<id>`.
    users: RwLock<ByName>,
}

type ByName = BTreeMap<Arc<str>, Arc<Topic>>;

impl OccupiedTopics {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            count: AtomicUsize::new(0),
            channels: RwLock::default(),
            rooms: RwLock::default(),
            users: RwLock::default(),
        }
    }

    /// Whether this topic, which has no members, may have some. If so, it is counted, and must be
    /// [inserted](Self::insert).
    pub(super) fn reserve(&self, topic: &Topic) -> bool {
        if !is_counted(topic) {
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
        if let Some(list) = self.list_of(topic) {
            list.write().insert(topic.name().clone(), topic.clone());
        }
    }

    /// Removes a topic that has lost its last member. The topic is locked.
    pub(super) fn remove(&self, topic: &Topic) {
        if is_counted(topic) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(list) = self.list_of(topic) {
            list.write().remove(topic.name());
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

    /// The first `limit` channels `$user:<id>` after the user `after`, and the number of all of them.
    pub(super) fn page_of_users(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Arc<Topic>>, usize) {
        let after = after.map(user_channel);
        let users = self.users.read();
        (values_after(&users, after.as_deref(), limit), users.len())
    }

    /// The list that a topic belongs to, if any.
    fn list_of(&self, topic: &Topic) -> Option<&RwLock<ByName>> {
        match (topic.kind(), user_of(topic.name())) {
            (TopicKind::Channel, Some(_)) => Some(&self.users),
            _ if topic.name().starts_with('$') => None,
            (kind, _) => Some(self.of(kind)),
        }
    }

    fn of(&self, kind: TopicKind) -> &RwLock<ByName> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Room => &self.rooms,
        }
    }
}

/// Whether a topic counts in the limit: one that clients name.
fn is_counted(topic: &Topic) -> bool {
    !topic.name().starts_with('$')
}
