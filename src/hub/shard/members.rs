//! The members of a topic in one shard.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::group::Group;
use super::slots::Slots;
use super::watchers::Watchers;
use crate::dialect::ClassId;
use crate::hub::forms::FormKey;
use crate::hub::topic::Topic;

/// The members, by how they receive publications.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) topic: Arc<Topic>,
    /// Those that receive publications from broadcasts. An empty group is removed. Most topics have
    /// one group, which is stored in place.
    pub(super) groups: SmallVec<[Group; 1]>,
    /// Those that receive positions and are still reading the history. They do not take
    /// publications from broadcasts yet.
    pub(super) replaying: HashMap<u32, Replaying>,
    /// Offset of the newest publication that this shard has broadcast, or that was the newest
    /// one when a member joined.
    pub(super) last_broadcast: u64,
    /// Those that are told who is present. Few topics have any.
    pub(super) watchers: Option<Box<Watchers>>,
}

/// A member that is still reading the history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaying {
    /// Offset of the next publication.
    pub(super) next: u64,
    pub(super) class: ClassId,
}

impl Members {
    pub(super) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            groups: SmallVec::new(),
            replaying: HashMap::new(),
            last_broadcast: 0,
            watchers: None,
        }
    }

    pub(super) fn insert(&mut self, slot: u32, key: FormKey) {
        self.remove(slot);
        let known = self.groups.iter().position(|group| group.key >= key);
        let index = known.unwrap_or(self.groups.len());
        if self.groups.get(index).is_none_or(|group| group.key != key) {
            let slots = Slots::default();
            self.groups.insert(index, Group { key, slots });
        }
        self.groups[index].slots.insert(slot);
    }

    pub(super) fn insert_replaying(&mut self, slot: u32, replaying: Replaying) {
        self.remove(slot);
        self.replaying.insert(slot, replaying);
    }

    pub(super) fn remove(&mut self, slot: u32) {
        for index in 0..self.groups.len() {
            let slots = &mut self.groups[index].slots;
            if slots.remove(slot) {
                if slots.is_empty() {
                    self.groups.remove(index);
                }
                return;
            }
        }
        self.replaying.remove(&slot);
        if self.replaying.is_empty() {
            // A wave of replays must not leave its memory behind.
            self.replaying = HashMap::new();
        }
    }

    /// Removes a member that has left, from the watchers too.
    pub(super) fn leave(&mut self, slot: u32) {
        self.remove(slot);
        self.stop_watching(slot);
    }

    /// No longer tells a member who is present.
    pub(super) fn stop_watching(&mut self, slot: u32) {
        if let Some(watchers) = &mut self.watchers {
            watchers.remove(slot);
            if watchers.is_empty() {
                self.watchers = None;
            }
        }
    }

    /// The slots of all members, in no particular order.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        let live = self.groups.iter().flat_map(|group| group.slots.iter());
        live.chain(self.replaying.keys().copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.replaying.is_empty()
    }
}
