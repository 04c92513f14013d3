//! The list of blocked sockets that have become writable.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Slots whose sockets have become writable. Bound: one entry per blocked socket.
#[derive(Debug, Default)]
pub(super) struct ReadyList {
    slots: Mutex<Vec<u32>>,
    /// Whether another shard asks this one to evict by the total of all outboxes.
    asked: AtomicBool,
    shard: AtomicWaker,
}

impl ReadyList {
    /// A waker that adds `slot` to the list.
    pub(super) fn waker(self: &Arc<Self>, slot: u32) -> Waker {
        Waker::from(Arc::new(SlotWaker {
            slot,
            list: self.clone(),
        }))
    }

    /// Takes the slots that are ready. If a slot has been reused meanwhile, the only cost is a
    /// write attempt that may find the new socket blocked.
    pub(super) fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.slots.lock())
    }

    /// Asks the shard to evict by the total of all outboxes, and wakes it.
    pub(super) fn ask(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.shard.wake();
        }
    }

    /// Whether the shard has been asked since this was last called.
    pub(super) fn take_request(&self) -> bool {
        self.asked.load(Ordering::Acquire) && self.asked.swap(false, Ordering::AcqRel)
    }

    /// Waits until a slot is ready, or the shard is asked for something.
    ///
    /// Cancel safety: takes nothing from the list.
    pub(super) async fn wait(&self) {
        poll_fn(|cx| {
            self.shard.register(cx.waker());
            if self.slots.lock().is_empty() && !self.asked.load(Ordering::Acquire) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

struct SlotWaker {
    slot: u32,
    list: Arc<ReadyList>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.list.slots.lock().push(self.slot);
        self.list.shard.wake();
    }
}
