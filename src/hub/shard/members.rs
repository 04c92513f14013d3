//! The members of a topic in one shard.

use std::sync::Arc;

use crate::hub::topic::Topic;

/// Slots in ascending order. That is the order in which clients connected, and so roughly the
/// order of their sockets in the kernel's memory, which makes a broadcast cheap.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<u32>);

impl Slots {
    fn insert(&mut self, slot: u32) {
        if let Err(index) = self.0.binary_search(&slot) {
            self.0.insert(index, slot);
        }
    }

    fn remove(&mut self, slot: u32) -> bool {
        let index = self.0.binary_search(&slot);
        index.map(|index| self.0.remove(index)).is_ok()
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

/// A member whose replay has not finished.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplayingMember {
    pub(super) slot: u32,
    /// Offset of the next publication to replay.
    pub(super) next: u64,
}

/// The members, by how they receive publications.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) topic: Arc<Topic>,
    /// Members that receive broadcasts without offsets.
    pub(super) plain: Slots,
    /// Members that receive broadcasts with offsets.
    pub(super) sequenced: Slots,
    /// Members that receive publications with offsets from the history, not from broadcasts.
    pub(super) replaying: Vec<ReplayingMember>,
    /// Offset of the newest publication that the shard has broadcast, or that was the newest
    /// when a member joined.
    pub(super) last_broadcast: u64,
}

impl Members {
    pub(super) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            plain: Slots::default(),
            sequenced: Slots::default(),
            replaying: Vec::new(),
            last_broadcast: 0,
        }
    }

    /// Makes the slot a member without offsets.
    pub(super) fn insert(&mut self, slot: u32) {
        self.remove(slot);
        self.plain.insert(slot);
    }

    /// Makes the slot a live member with offsets.
    pub(super) fn insert_sequenced(&mut self, slot: u32) {
        self.remove(slot);
        self.sequenced.insert(slot);
    }

    /// Makes the slot a member whose replay starts at offset `next`.
    pub(super) fn insert_replaying(&mut self, slot: u32, next: u64) {
        self.remove(slot);
        self.replaying.push(ReplayingMember { slot, next });
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if !self.plain.remove(slot) && !self.sequenced.remove(slot) {
            self.replaying.retain(|member| member.slot != slot);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plain.0.is_empty() && self.sequenced.0.is_empty() && self.replaying.is_empty()
    }

    /// The slots of all members.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        let live = [&self.plain, &self.sequenced].into_iter();
        live.flat_map(|slots| slots.0.iter().copied())
            .chain(self.replaying.iter().map(|member| member.slot))
    }
}
