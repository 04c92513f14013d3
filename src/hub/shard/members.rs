//! The members of a topic in one shard.

use std::collections::HashMap;
use std::sync::Arc;

use super::slots::Slots;
use crate::hub::topic::Topic;

/// The members, by how they receive publications.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) topic: Arc<Topic>,
    /// Without offsets.
    pub(super) plain: Slots,
    /// With offsets.
    pub(super) sequenced: Slots,
    /// With offsets, and still reading the history: slot to the offset of the next publication.
    /// They do not take publications from broadcasts yet.
    pub(super) replaying: HashMap<u32, u64>,
    /// Offset of the newest publication that this shard has broadcast, or that was the newest
    /// one when a member joined.
    pub(super) last_broadcast: u64,
}

impl Members {
    pub(super) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            plain: Slots::default(),
            sequenced: Slots::default(),
            replaying: HashMap::new(),
            last_broadcast: 0,
        }
    }

    pub(super) fn insert(&mut self, slot: u32) {
        self.remove(slot);
        self.plain.insert(slot);
    }

    pub(super) fn insert_sequenced(&mut self, slot: u32) {
        self.remove(slot);
        self.sequenced.insert(slot);
    }

    pub(super) fn insert_replaying(&mut self, slot: u32, next: u64) {
        self.remove(slot);
        self.replaying.insert(slot, next);
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if !self.plain.remove(slot) && !self.sequenced.remove(slot) {
            self.replaying.remove(&slot);
            if self.replaying.is_empty() {
                // A wave of replays must not leave its memory behind.
                self.replaying = HashMap::new();
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.sequenced.is_empty() && self.replaying.is_empty()
    }
}
