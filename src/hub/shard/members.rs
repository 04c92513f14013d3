//! A topic's members in one shard.

use std::sync::Arc;

use crate::hub::topic::Topic;

/// Slots in ascending order, which is the order of connecting and so, roughly, the order
/// of the kernel's memory: walking it is what makes a broadcast cheap.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<u32>);

impl Slots {
    fn insert(&mut self, slot: u32) {
        if let Err(place) = self.0.binary_search(&slot) {
            self.0.insert(place, slot);
        }
    }

    fn remove(&mut self, slot: u32) -> bool {
        let place = self.0.binary_search(&slot);
        place.map(|place| self.0.remove(place)).is_ok()
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

/// A member that still reads the past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaying {
    pub(super) slot: u32,
    /// Offset of the next publication it is to get.
    pub(super) next: u64,
}

/// The members, by how they get publications.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) topic: Arc<Topic>,
    /// Without offsets.
    pub(super) plain: Slots,
    /// With offsets.
    pub(super) sequenced: Slots,
    /// With offsets, from the history and not from broadcasts.
    pub(super) replaying: Vec<Replaying>,
    /// Offset of the newest publication that the shard has broadcast, or knew to be
    /// before a member.
    pub(super) broadcast: u64,
}

impl Members {
    pub(super) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            plain: Slots::default(),
            sequenced: Slots::default(),
            replaying: Vec::new(),
            broadcast: 0,
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
        self.replaying.push(Replaying { slot, next });
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if !self.plain.remove(slot) && !self.sequenced.remove(slot) {
            self.replaying.retain(|member| member.slot != slot);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plain.0.is_empty() && self.sequenced.0.is_empty() && self.replaying.is_empty()
    }

    /// Every member's slot.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        let live = [&self.plain, &self.sequenced].into_iter();
        live.flat_map(|slots| slots.0.iter().copied())
            .chain(self.replaying.iter().map(|member| member.slot))
    }
}
