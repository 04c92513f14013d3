//! A topic's members in one shard.

/// Slots in ascending order, which is the order of connecting and so, roughly, the order
/// of the kernel's memory: walking it is what makes a broadcast cheap.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<u32>);

impl Members {
    pub(super) fn insert(&mut self, slot: u32) {
        if let Err(place) = self.0.binary_search(&slot) {
            self.0.insert(place, slot);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if let Ok(place) = self.0.binary_search(&slot) {
            self.0.remove(place);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn slots(&self) -> &[u32] {
        &self.0
    }
}
