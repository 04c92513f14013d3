//! How long the hub itself waits for a full mailbox.
//!
//! Callers of [`Hub::join`], [`Hub::leave`], [`Hub::publish`], [`Hub::broadcast`] and
//! [`Hub::send`] set a deadline of their own: these can be cancelled at any time, and then have no
//! effect. What must not be cancelled is here: replies and Close frames, and the clean-up
//! after a client.

use std::time::Duration;

use tokio::time::timeout;

use super::Hub;
use super::shard::{Entry, HubClosed};

/// Longest wait of an entry that must not be dropped. Then it goes into the mailbox beyond its
/// bound. There are few of them: a client's next command waits for its reply, replies have a
/// bound of their own, and a connection is closed once.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// Longest wait of a clean-up for one topic before it looks at the others again. Longer than
/// anybody else waits, so that it comes first in the queue for permits meanwhile.
pub(super) const CLEAN_UP_WAIT: Duration = Duration::from_secs(2);

impl Hub {
    /// Sends an entry that must arrive, in order with everything else that the shard gets.
    ///
    /// Backpressure: waits while the mailbox is full, but at most [`MAX_WAIT`].
    pub(super) async fn send_entry(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        let bytes = entry.frame_bytes();
        let one = |wanted| (wanted == shard).then_some(1);
        match timeout(MAX_WAIT, self.mailboxes.reserve(one, bytes)).await {
            Ok(permits) => {
                permits?.send(shard, entry);
                Ok(())
            }
            Err(_elapsed) => self.mailboxes.push(shard, entry),
        }
    }
}
