//! Which blocked sockets can be written again.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Slots whose sockets became writable. Bound: one entry a blocked socket.
#[derive(Debug, Default)]
pub(super) struct ReadyList {
    slots: Mutex<Vec<u32>>,
    shard: AtomicWaker,
}

impl ReadyList {
    /// A waker that puts `slot` on the list.
    pub(super) fn waker(self: &Arc<Self>, slot: u32) -> Waker {
        Waker::from(Arc::new(SlotWaker {
            slot,
            list: self.clone(),
        }))
    }

    /// Takes the slots that are ready. One that was reused meanwhile costs a vain write.
    pub(super) fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.slots.lock())
    }

    /// Waits until a slot is ready. Cancel safety: takes nothing.
    pub(super) async fn wait(&self) {
        poll_fn(|cx| {
            self.shard.register(cx.waker());
            if self.slots.lock().is_empty() {
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
