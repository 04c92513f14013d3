//! A topic: what rooms and channels are inside the hub.
//!
//! Ordering: everything that a topic sends enters the mailboxes under the topic's lock. So all
//! members receive it in the same order, and nothing before they are acknowledged or after
//! they have left. Publications get their offset and enter the history under the same lock, so
//! there is no gap and no duplicate between a replay and the live publications after it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::audience::Audience;
use super::key::TopicId;
use super::people::People;
use super::rules::Overflow;
use super::stream::Stream;
use crate::hub::log::{LazyLog, TopicLog};
use crate::protocol::{TopicKind, TopicName};

/// One topic.
#[derive(Debug)]
pub struct Topic {
    id: TopicId,
    kind: TopicKind,
    name: Arc<str>,
    overflow: Overflow,
    keeps_presence: bool,
    pub(in crate::hub) state: Mutex<TopicState>,
}

/// The part of a topic that its lock guards.
#[derive(Debug)]
pub(in crate::hub) struct TopicState {
    pub(in crate::hub) stream: Stream,
    pub(in crate::hub) audience: Audience,
    pub(in crate::hub) people: People,
}

impl Topic {
    pub(in crate::hub) fn new(
        (id, kind, name): (TopicId, TopicKind, Arc<str>),
        shards: usize,
        overflow: Overflow,
        log: LazyLog,
        people: People,
    ) -> Self {
        Self {
            id,
            kind,
            name,
            overflow,
            keeps_presence: matches!(people, People::Present(_)),
            state: Mutex::new(TopicState {
                stream: Stream::new(log),
                audience: Audience::new(shards),
                people,
            }),
        }
    }

    pub(in crate::hub) fn id(&self) -> TopicId {
        self.id
    }

    /// Room or channel.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// The topic's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The topic's kind and name.
    pub fn full_name(&self) -> TopicName<'_> {
        TopicName::new(self.kind, &self.name)
    }

    /// What happens when a member's outbox is full.
    pub fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// Whether a rule says to keep who is present.
    pub(in crate::hub) fn keeps_presence(&self) -> bool {
        self.keeps_presence
    }

    /// The number of members.
    pub fn members(&self) -> usize {
        self.state.lock().audience.members()
    }

    /// The number of broadcasts and publications so far.
    pub fn publications(&self) -> u64 {
        self.state.lock().stream.publications
    }

    /// For each shard, whether it has members. This may be out of date by the time the
    /// permits are reserved, so it is checked again under the lock.
    pub(in crate::hub) fn members_by_shard(&self) -> Box<[u32]> {
        self.state.lock().audience.by_shard()
    }

    /// Marks the topic as retired if it has no members and nothing was published that it has
    /// to remember. Returns whether it is retired; the caller then removes it from the registry.
    pub(in crate::hub) fn retire_if_unused(&self) -> bool {
        let mut state = self.state.lock();
        let unused = state.audience.members() == 0 && state.stream.is_blank();
        state.stream.retired |= unused;
        state.stream.retired
    }

    /// Marks the topic as retired if it has no members, keeps no publications, and was last
    /// published to at least `ttl` ago. `on_retire` is called while the topic is still locked.
    /// Returns whether the topic was retired; the caller then removes it from the registry.
    pub(in crate::hub) fn retire_if_idle(&self, ttl: Duration, on_retire: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        let TopicState {
            stream, audience, ..
        } = &mut *state;
        if stream.retired || audience.members() > 0 || !stream.is_idle(ttl) {
            return false;
        }
        stream.retired = true;
        // Release its share of the budget now, even if something still holds the topic.
        stream.log = LazyLog::None;
        on_retire();
        true
    }

    /// Reads or changes the topic's log under the topic's lock. `None` if it keeps no history, or if
    /// nothing was published.
    pub(in crate::hub) fn with_log<T>(&self, f: impl FnOnce(&mut TopicLog) -> T) -> Option<T> {
        self.state.lock().stream.log.kept_mut().map(f)
    }
}
