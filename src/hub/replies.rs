//! Replies: what a client's own commands make the server hold for it.
//!
//! A client is not evicted for them: while its unread replies fill a quarter of its outbox, its next
//! commands are not carried out. The replies of all clients share a limit too, and large ones wait for
//! room in it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use super::client::{Client, Phase};

/// The replies of all clients that have not been written yet.
#[derive(Debug)]
pub(super) struct Replies {
    used: AtomicUsize,
    max_total: usize,
    max_per_client: usize,
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
        self.used.load(Ordering::Relaxed)
    }

    /// Counts a reply until the charge is dropped: when it has been written, or never will be.
    pub(super) fn charge(self: &Arc<Self>, client: &Arc<Client>, bytes: usize) -> ReplyCharge {
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
        poll_fn(|cx| {
            client.register_task(cx.waker());
            let has_room = client.reply_bytes.load(Ordering::Acquire) < self.max_per_client;
            if has_room || client.phase() != Phase::Open {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Waits until a large reply fits into the limit of all replies.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn wait_for_all(&self) {
        loop {
            let freed = self.freed.notified();
            if self.used() < self.max_total {
                return;
            }
            freed.await;
        }
    }
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
        let before = self.replies.used.fetch_sub(self.bytes, Ordering::Relaxed);
        if before >= self.replies.max_total {
            self.replies.freed.notify_waiters();
        }
        let before = self
            .client
            .reply_bytes
            .fetch_sub(self.bytes, Ordering::Release);
        if before >= self.replies.max_per_client {
            self.client.wake_task();
        }
    }
}
