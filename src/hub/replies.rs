//! Replies: what a client's own commands make the server hold for it.
//!
//! A client is not evicted for them: while its unread replies fill a quarter of its outbox, its next
//! commands are not carried out. The replies of all clients share a limit too: once they fill it, only a
//! client with no unread reply has another command carried out, and large replies wait.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use super::client::{Client, Phase};

/// What a reply takes beside its payload, about: its place in the outbox, and the frame around it. Without
/// it, short replies would take several times what is counted.
const FRAME_BYTES: usize = 100;

/// Set in a client's `reply_bytes` while its task waits until it has read replies.
const WAITS: usize = 1 << (usize::BITS - 1);

/// The replies of all clients that have not been written yet.
#[derive(Debug)]
pub(super) struct Replies {
    used: AtomicUsize,
    max_total: usize,
    max_per_client: usize,
    /// Wakes one that waits for the total. That one wakes the next if there is still room, so that
    /// no more of them wake than there is room for.
    freed: Notify,
}

impl Replies {
    pub(super) fn new(max_total: usize, max_per_client: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            max_total,
            max_per_client,
            freed: Notify::new(),
        }
    }

    /// Bytes of all replies.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    /// Counts a reply until the charge is dropped: when it has been written, or never will be.
    pub(super) fn charge(self: &Arc<Self>, client: &Arc<Client>, bytes: usize) -> ReplyCharge {
        let bytes = bytes.saturating_add(FRAME_BYTES);
        self.used.fetch_add(bytes, Ordering::Relaxed);
        client.reply_bytes.fetch_add(bytes, Ordering::Relaxed);
        ReplyCharge {
            replies: self.clone(),
            client: client.clone(),
            bytes,
        }
    }

    /// Waits until the client has read enough of its replies for its next command, or is closing.
    ///
    /// Cancel safety: takes nothing. Only the connection's own task may call this.
    pub(super) async fn wait_for(&self, client: &Client) {
        if self.has_room_for(client) {
            return;
        }
        // Set before the room is looked at again, so that a reply which is read from now on wakes the task.
        client.reply_bytes.fetch_or(WAITS, Ordering::SeqCst);
        let may_go_on = || self.has_room_for(client) || client.phase() != Phase::Open;
        loop {
            let mut freed = pin!(self.freed.notified());
            let is_freed = poll_fn(|cx| {
                client.register_task(cx.waker());
                let is_freed = freed.as_mut().poll(cx).is_ready();
                if is_freed || may_go_on() {
                    Poll::Ready(is_freed)
                } else {
                    Poll::Pending
                }
            })
            .await;
            if may_go_on() {
                if is_freed {
                    self.wake_next();
                }
                break;
            }
        }
        client.reply_bytes.fetch_and(!WAITS, Ordering::SeqCst);
    }

    fn has_room_for(&self, client: &Client) -> bool {
        let own = client.reply_bytes.load(Ordering::SeqCst) & !WAITS;
        own == 0 || (own < self.max_per_client && self.used() < self.max_total)
    }

    /// Waits until a large reply fits into the limit of all replies.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn wait_for_all(&self) {
        while self.used() >= self.max_total {
            let freed = self.freed.notified();
            if self.used() < self.max_total {
                return;
            }
            freed.await;
            self.wake_next();
        }
    }

    /// Wakes another one that waits for the total, if there is room.
    fn wake_next(&self) {
        if self.used() < self.max_total {
            self.freed.notify_one();
        }
    }
}

/// Bytes of the replies to a client that have not been written yet.
pub(super) fn unread_bytes(client: &Client) -> usize {
    client.reply_bytes.load(Ordering::Relaxed) & !WAITS
}

/// One reply that has not been written yet.
#[derive(Debug)]
pub(super) struct ReplyCharge {
    replies: Arc<Replies>,
    client: Arc<Client>,
    bytes: usize,
}

impl Drop for ReplyCharge {
    fn drop(&mut self) {
        let total = self.replies.max_total;
        let before = self.replies.used.fetch_sub(self.bytes, Ordering::SeqCst);
        if before >= total && before - self.bytes < total {
            self.replies.freed.notify_one();
        }
        let own = &self.client.reply_bytes;
        let before = own.fetch_sub(self.bytes, Ordering::SeqCst);
        let (waits, before) = (before & WAITS != 0, before & !WAITS);
        if waits && (before == self.bytes || before >= self.replies.max_per_client) {
            self.client.wake_task();
        }
    }
}

#[cfg(test)]
mod tests;
