//! A set of slots: near-constant time to change, ascending order to iterate.

use roaring::RoaringBitmap;

/// Above this many slots, a bitmap.
const MAX_SORTED: usize = 256;
/// At or below this many slots, a sorted list again. Less than [`MAX_SORTED`], so that a set at
/// the border does not change back and forth.
const MIN_BITMAP: u64 = 128;
/// Slots handed out at a time.
pub(super) const BLOCK_LEN: usize = 64;

/// A set of slots.
///
/// Slots are handed out in ascending order, which is roughly the order of connecting and of the
/// kernel's memory: iterating in that order is what makes a broadcast cheap. A small set is a
/// sorted list of 4 bytes each; a large one a compressed bitmap, so that 100,000 members can
/// leave one by one without moving the rest.
#[derive(Debug)]
pub(super) enum Slots {
    Sorted(Vec<u32>),
    Bitmap(Box<RoaringBitmap>),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Sorted(Vec::new())
    }
}

impl Slots {
    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            Self::Sorted(slots) => {
                let Err(index) = slots.binary_search(&slot) else {
                    return;
                };
                slots.insert(index, slot);
                if slots.len() > MAX_SORTED {
                    *self = Self::Bitmap(Box::new(slots.iter().copied().collect()));
                }
            }
            Self::Bitmap(slots) => {
                slots.insert(slot);
            }
        }
    }

    /// Whether the slot was in the set.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        match self {
            Self::Sorted(slots) => {
                let index = slots.binary_search(&slot);
                index.map(|index| slots.remove(index)).is_ok()
            }
            Self::Bitmap(slots) => {
                let removed = slots.remove(slot);
                if removed && slots.len() <= MIN_BITMAP {
                    *self = Self::Sorted(slots.iter().collect());
                }
                removed
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Sorted(slots) => slots.is_empty(),
            Self::Bitmap(slots) => slots.is_empty(),
        }
    }

    /// Fills `block` with the slots from `from` on, and returns the slot to continue at, or `None`
    /// at the end.
    pub(super) fn next_block(&self, from: u32, block: &mut Block) -> Option<u32> {
        block.len = 0;
        match self {
            Self::Sorted(slots) => {
                let start = slots.partition_point(|&slot| slot < from);
                for &slot in slots[start..].iter().take(BLOCK_LEN) {
                    block.push(slot);
                }
            }
            Self::Bitmap(slots) => {
                for slot in slots.range(from..).take(BLOCK_LEN) {
                    block.push(slot);
                }
            }
        }
        block.slots().last().map(|last| last + 1)
    }

    /// Every slot, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (mut from, mut block, mut index) = (0, Block::default(), 0);
        std::iter::from_fn(move || {
            if index == block.len {
                from = self.next_block(from, &mut block)?;
                index = 0;
            }
            index += 1;
            Some(block.slots[index - 1])
        })
    }
}

/// A few slots in ascending order.
#[derive(Debug)]
pub(super) struct Block {
    slots: [u32; BLOCK_LEN],
    len: usize,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            slots: [0; BLOCK_LEN],
            len: 0,
        }
    }
}

impl Block {
    pub(super) fn slots(&self) -> &[u32] {
        &self.slots[..self.len]
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == BLOCK_LEN
    }

    /// Appends a slot; the block must not be full.
    pub(super) fn push(&mut self, slot: u32) {
        self.slots[self.len] = slot;
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_any_size_holds_what_was_put_in(
            changes in prop::collection::vec((0..700u32, any::<bool>()), 0..3000),
        ) {
            let (mut slots, mut model) = (Slots::default(), BTreeSet::new());
            for (slot, insert) in changes {
                if insert {
                    slots.insert(slot);
                    model.insert(slot);
                } else {
                    prop_assert_eq!(slots.remove(slot), model.remove(&slot));
                }
                prop_assert_eq!(slots.is_empty(), model.is_empty());
            }
            prop_assert!(slots.iter().eq(model.iter().copied()));
        }
    }

    #[test]
    fn a_large_set_becomes_a_bitmap_and_a_list_again() {
        let mut slots = Slots::default();
        for slot in 0..1000 {
            slots.insert(slot * 7);
        }
        assert!(matches!(slots, Slots::Bitmap(_)));
        for slot in 100..1000 {
            assert!(slots.remove(slot * 7));
        }
        assert!(matches!(slots, Slots::Sorted(_)));
        assert!(slots.iter().eq((0..100).map(|slot| slot * 7)));
    }
}
