//! The memory of all outboxes together.
//!
//! A frame that many outboxes of a shard share is counted once, plus an entry for each outbox that
//! holds it. What is written at once is not counted. Replies and histories are counted elsewhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::ready::ReadyList;
use crate::wire::Frame;

/// Bytes of an entry in an outbox. Queues grow by doubling, so it counts twice.
pub(super) const ENTRY_BYTES: usize = 160;
/// Bytes that a queued frame takes beside its own: allocations, and what counts it.
const FRAME_OVERHEAD: usize = 96;
/// The fewest entries after which [`SharedFrames`] looks for frames that are gone.
const MIN_SWEEP: usize = 64;

/// The outboxes of all shards.
#[derive(Debug)]
pub(in crate::hub) struct OutboxTotal {
    max: usize,
    shards: Box<[Arc<ShardTotal>]>,
}

/// The outboxes of one shard. Only the shard changes it, so that shards do not contend.
#[derive(Debug, Default)]
pub(super) struct ShardTotal {
    /// Bytes of the frames in its outboxes, and of their places.
    used: AtomicUsize,
    /// The size class of its largest outbox; 0 if none can be evicted.
    largest: AtomicU8,
    /// Wakes the shard.
    ready: Arc<ReadyList>,
}

impl OutboxTotal {
    pub(in crate::hub) fn new(max: usize, shards: usize) -> Self {
        Self {
            max,
            shards: (0..shards).map(|_| Arc::default()).collect(),
        }
    }

    /// Bytes of all outboxes.
    pub(in crate::hub) fn used(&self) -> usize {
        let used = self.shards.iter();
        used.map(|shard| shard.used()).sum()
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.used() > self.max
    }

    /// Bytes that a shard may add before it looks at the total again.
    pub(super) fn step(&self) -> usize {
        (self.max / 1024).clamp(1, 64 * 1024)
    }

    pub(super) fn shard(&self, index: usize) -> &Arc<ShardTotal> {
        &self.shards[index]
    }

    /// Asks the shard with the largest outbox to evict its client, if that is larger than `class`.
    pub(super) fn ask_if_larger_than(&self, class: u8) -> bool {
        let largest = |shard: &&Arc<ShardTotal>| shard.largest.load(Ordering::Relaxed);
        let shard = self.shards.iter().max_by_key(largest);
        let larger = shard.filter(|shard| largest(shard) > class);
        larger.inspect(|shard| shard.ready.ask()).is_some()
    }
}

impl ShardTotal {
    /// Bytes of the shard's outboxes.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn ready(&self) -> &Arc<ReadyList> {
        &self.ready
    }

    pub(super) fn set_largest(&self, class: u8) {
        self.largest.store(class, Ordering::Relaxed);
    }
}

/// Counts a frame until the last outbox of the shard has dropped it, and a place in one outbox.
#[derive(Debug)]
pub(super) struct FrameCharge(Arc<Charged>);

#[derive(Debug)]
struct Charged {
    total: Arc<ShardTotal>,
    bytes: usize,
}

impl FrameCharge {
    /// Counts a frame that is made for one outbox.
    pub(super) fn unshared(frame: &Frame, total: &Arc<ShardTotal>) -> Self {
        Self::new(Charged::new(frame, total))
    }

    fn new(charged: Arc<Charged>) -> Self {
        charged.total.used.fetch_add(ENTRY_BYTES, Ordering::Relaxed);
        Self(charged)
    }
}

impl Charged {
    fn new(frame: &Frame, total: &Arc<ShardTotal>) -> Arc<Self> {
        let bytes = frame.len() + FRAME_OVERHEAD;
        total.used.fetch_add(bytes, Ordering::Relaxed);
        let total = total.clone();
        Arc::new(Self { total, bytes })
    }
}

impl Drop for FrameCharge {
    fn drop(&mut self) {
        let used = &self.0.total.used;
        used.fetch_sub(ENTRY_BYTES, Ordering::Relaxed);
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.total.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The frames in the outboxes of one shard, by the addresses of their payloads.
///
/// An address is not used twice while it is counted: its charge is stored with the frame in an
/// outbox, and dropped with it.
#[derive(Debug, Default)]
pub(super) struct SharedFrames {
    charges: HashMap<usize, Weak<Charged>>,
    /// Entries at the last sweep.
    swept: usize,
}

impl SharedFrames {
    /// Counts a frame for one more outbox.
    pub(super) fn charge(&mut self, frame: &Frame, total: &Arc<ShardTotal>) -> FrameCharge {
        let address = frame.payload().as_ptr().addr();
        if let Some(charged) = self.charges.get(&address).and_then(Weak::upgrade) {
            return FrameCharge::new(charged);
        }
        let charged = Charged::new(frame, total);
        self.sweep();
        self.charges.insert(address, Arc::downgrade(&charged));
        FrameCharge::new(charged)
    }

    /// Forgets frames that are gone, whenever there are twice as many as after the last time.
    fn sweep(&mut self) {
        if self.charges.len() >= MIN_SWEEP.max(2 * self.swept) {
            self.charges.retain(|_, charged| charged.strong_count() > 0);
            self.charges.shrink_to(2 * self.charges.len());
            self.swept = self.charges.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(byte: u8, len: usize) -> Frame {
        Frame::binary(vec![byte; len].into())
    }

    #[test]
    fn a_shared_frame_counts_once_per_shard_and_each_entry_separately() {
        let total = OutboxTotal::new(1000, 2);
        let (mut one, mut other) = (SharedFrames::default(), SharedFrames::default());
        let shared = frame(1, 10_000);
        let whole = shared.len() + FRAME_OVERHEAD + ENTRY_BYTES;
        let first = one.charge(&shared, total.shard(0));
        assert_eq!(total.used(), whole);
        assert!(total.is_exceeded());
        let second = one.charge(&shared.clone(), total.shard(0));
        assert_eq!(total.used(), whole + ENTRY_BYTES);
        let elsewhere = other.charge(&shared, total.shard(1));
        assert_eq!(total.used(), 2 * whole + ENTRY_BYTES);
        drop(first);
        assert_eq!(total.used(), 2 * whole);
        drop((second, elsewhere));
        assert_eq!(total.used(), 0);
        let again = one.charge(&shared, total.shard(0));
        assert_eq!(total.used(), whole, "nobody had it any more");
        let own = FrameCharge::unshared(&shared, total.shard(0));
        assert_eq!(total.used(), 2 * whole, "not shared with the other");
        drop((again, own));
        assert_eq!(total.used(), 0);
    }

    #[test]
    fn frames_that_are_gone_leave_nothing_behind() {
        let total = OutboxTotal::new(usize::MAX, 1);
        let mut frames = SharedFrames::default();
        let kept: Vec<_> = (0..10).map(|byte| frame(byte, 10)).collect();
        let charges: Vec<_> = kept
            .iter()
            .map(|frame| frames.charge(frame, total.shard(0)))
            .collect();
        for _ in 0..10_000 {
            // All at once, so that their addresses differ.
            let many: Vec<_> = (0..5).map(|byte| frame(byte, 10)).collect();
            for frame in &many {
                drop(frames.charge(frame, total.shard(0)));
            }
        }
        assert!(
            frames.charges.len() <= 2 * MIN_SWEEP,
            "{}",
            frames.charges.len()
        );
        drop(charges);
        assert_eq!(total.used(), 0);
    }
}
