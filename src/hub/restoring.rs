//! Going on with the histories of an earlier process.

use std::sync::Arc;

use uuid::Uuid;

use super::Hub;
use super::epochs::is_epoch;
use super::log::{Owner, TopicLog};
use super::topic::Topic;
use super::wall_clock::WallClock;
use crate::dialect::Source;
use crate::history::saved::{SavedEpochs, SavedOwner, SavedPublication, SavedTopic};
use crate::protocol::{ChannelName, RoomName, StreamTop, TopicKind};

/// The highest offset that is restored. Clients in JavaScript count no further.
const MAX_OFFSET: u64 = 1 << 53;

/// How many histories were restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoredHistories {
    /// Rooms and channels that go on.
    pub topics: u64,
    /// Their publications that are still kept.
    pub publications: u64,
    /// Rooms and channels that do not go on: they keep no history any more, were not used for too
    /// long, or did not fit into the memory for histories.
    pub forgotten: u64,
}

/// A record contradicts the others. Nothing may be restored then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction;

/// Histories that are being read. They take their share of the memory for histories, but nobody
/// sees them until all have been read.
#[derive(Debug)]
pub struct Restoring<'a> {
    hub: &'a Hub,
    clock: WallClock,
    topics: Vec<Arc<Topic>>,
    current: Option<Current>,
    forgotten: [u64; 2],
}

/// The topic whose publications are read.
#[derive(Debug)]
struct Current {
    kind: TopicKind,
    name: Arc<str>,
    /// `None` if it does not go on.
    topic: Option<Arc<Topic>>,
    /// Publications that have not been read.
    left: u64,
}

impl Hub {
    /// Begins to restore histories.
    pub fn restore(&self) -> Restoring<'_> {
        Restoring {
            hub: self,
            clock: WallClock::now(),
            topics: Vec::new(),
            current: None,
            forgotten: [0; 2],
        }
    }
}

impl Restoring<'_> {
    /// Adds a topic without its publications. Those before it have to be complete.
    pub fn topic(&mut self, saved: &SavedTopic<'_>) -> Result<(), Contradiction> {
        self.finish_topic()?;
        let (kind, is_valid) = if saved.is_room {
            (TopicKind::Room, RoomName::new(saved.name).is_ok())
        } else {
            (TopicKind::Channel, ChannelName::new(saved.name).is_ok())
        };
        let numbers = 1..=MAX_OFFSET;
        if !is_valid
            || !is_epoch(saved.epoch)
            || !numbers.contains(&saved.newest)
            || saved.publications > saved.newest
        {
            return Err(Contradiction);
        }
        let name: Arc<str> = saved.name.into();
        let age = self.clock.age(saved.used_at);
        let is_forgotten = saved.publications == 0 && age >= self.hub.budgets.position_ttl();
        let topic = self
            .hub
            .registry
            .restored_topic(kind, &name, |limits, id, budget| {
                let top = StreamTop {
                    offset: saved.newest - saved.publications,
                    epoch: saved.epoch.into(),
                };
                let owner = match saved.owner {
                    SavedOwner::User(hash) => Owner::User(hash),
                    SavedOwner::Client(id) => Owner::Client(Uuid::from_bytes(id)),
                    SavedOwner::Topic => Owner::Topic(id),
                };
                TopicLog::restored(limits, top, self.clock.before(age), budget, owner)
            });
        self.current = Some(Current {
            kind,
            topic: topic.filter(|_| !is_forgotten),
            name,
            left: saved.publications,
        });
        Ok(())
    }

    /// Adds the next publication of the topic. `decode` makes it, unless it is not needed.
    pub fn publication(
        &mut self,
        saved: &SavedPublication<'_>,
        decode: impl FnOnce(TopicKind, &Arc<str>, &[u8]) -> Option<Arc<dyn Source>>,
    ) -> Result<(), Contradiction> {
        let current = self.current.as_mut().ok_or(Contradiction)?;
        current.left = current.left.checked_sub(1).ok_or(Contradiction)?;
        let Some(topic) = &current.topic else {
            return Ok(());
        };
        let age = self.clock.age(saved.published_at);
        let restored = topic.with_log(|log| {
            let publication = if age > log.max_age() {
                None
            } else {
                let source = decode(current.kind, &current.name, saved.message)?;
                Some((self.clock.before(age), source))
            };
            log.restore(publication);
            Some(())
        });
        restored.flatten().ok_or(Contradiction)
    }

    /// Checks that the last topic has all its publications.
    pub fn complete(&mut self) -> Result<(), Contradiction> {
        self.finish_topic()
    }

    /// Makes the topics known: from here on, they go on.
    pub fn publish(mut self, epochs: SavedEpochs) -> RestoredHistories {
        let hub = self.hub;
        // First: a topic that does not go on needs an epoch that none of them had.
        hub.registry.restore_epochs(epochs);
        let mut restored = RestoredHistories::default();
        for topic in std::mem::take(&mut self.topics) {
            if !hub.registry.insert_topic(&topic) {
                self.forget(topic.kind());
                continue;
            }
            restored.topics += 1;
            topic.with_log(|log| {
                hub.arrivals.note(&topic, log);
                restored.publications += log.len() as u64;
            });
        }
        for (index, kind) in [TopicKind::Channel, TopicKind::Room]
            .into_iter()
            .enumerate()
        {
            if self.forgotten[index] > 0 {
                hub.registry.next_epoch(kind);
            }
        }
        restored.forgotten = self.forgotten.iter().sum();
        restored
    }

    fn finish_topic(&mut self) -> Result<(), Contradiction> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        if current.left > 0 {
            return Err(Contradiction);
        }
        // The most recently used come first, so those that do not fit are the others.
        match current
            .topic
            .filter(|_| !self.hub.budgets.of(current.kind).is_exceeded())
        {
            Some(topic) => self.topics.push(topic),
            None => self.forget(current.kind),
        }
        Ok(())
    }

    fn forget(&mut self, kind: TopicKind) {
        self.forgotten[usize::from(kind == TopicKind::Room)] += 1;
    }
}
