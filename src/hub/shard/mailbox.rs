//! The bounded mailboxes of the shards.
//!
//! A mailbox has two lanes. The **ordered** lane holds everything that has a place in a topic's
//! order; it is bounded in entries and in deliveries, since one entry can mean 10,000 writes.
//! The **urgent** lane holds what has none (pongs, inspections), so that it never waits behind
//! fan-out; each client has a bounded number of entries in it. A Close is ordered too,
//! even if an operator requests it: everything accepted earlier is sent first.
//!
//! Backpressure: callers reserve permits before they decide anything, so a publisher waits
//! there, holding no lock, while a shard is behind. A shard never waits for a mailbox.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, TryAcquireError};

use super::entry::{Entry, HubClosed};
use super::permit::{Charge, Permit};

/// Deliveries that one KiB of waiting frames counts as, so that long messages are bounded too.
const DELIVERIES_PER_KIB: usize = 1;

/// Bounds of a mailbox's ordered lane.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct MailboxOptions {
    pub(in crate::hub) entries: usize,
    pub(in crate::hub) deliveries: usize,
}

/// The mailbox of one shard.
#[derive(Debug)]
pub(in crate::hub) struct Mailbox {
    lanes: Mutex<Lanes>,
    /// Free entries of the ordered lane. Closed with the shard.
    entries: Semaphore,
    /// Free deliveries of the ordered lane. Closed with the shard.
    deliveries: Semaphore,
    max_deliveries: usize,
    /// The shard, woken when something arrives.
    shard: AtomicWaker,
    created: Instant,
    /// Since when the shard could have taken a turn and has not: its last turn, or when something
    /// arrived in an empty mailbox. In milliseconds since `created`.
    due_since_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Lanes {
    urgent: VecDeque<Entry>,
    ordered: VecDeque<Waiting>,
    /// Whether nothing more will arrive, because the hub or the shard is gone.
    closed: bool,
}

impl Lanes {
    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.ordered.is_empty()
    }
}

/// An entry of the ordered lane, and what it takes up there.
#[derive(Debug)]
pub(in crate::hub) struct Waiting {
    pub(super) entry: Entry,
    pub(super) charge: Charge,
}

impl Mailbox {
    pub(super) fn new(options: MailboxOptions) -> Self {
        let max_deliveries = options.deliveries.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            lanes: Mutex::default(),
            entries: Semaphore::new(options.entries.clamp(1, Semaphore::MAX_PERMITS)),
            deliveries: Semaphore::new(max_deliveries),
            max_deliveries,
            shard: AtomicWaker::new(),
            created: Instant::now(),
            due_since_ms: AtomicU64::new(0),
        }
    }

    /// Records that the shard is taking a turn.
    pub(super) fn record_turn(&self) {
        let now = self.created.elapsed().as_millis() as u64;
        self.due_since_ms.store(now, Ordering::Relaxed);
    }

    /// Whether something has waited for longer than `timeout` without the shard taking a turn. A
    /// shard that is busy or has nothing to do is not stalled.
    pub(in crate::hub) fn is_stalled(&self, timeout: Duration) -> bool {
        let is_idle = self.lanes.lock().is_empty();
        let due_since = Duration::from_millis(self.due_since_ms.load(Ordering::Relaxed));
        self.is_closed() || !is_idle && self.created.elapsed().saturating_sub(due_since) > timeout
    }

    /// What a broadcast of that size to that many members takes up: at most the whole mailbox.
    pub(super) fn deliveries_of(&self, members: usize, bytes: usize) -> u32 {
        let deliveries = members.max(1) + bytes / 1024 * DELIVERIES_PER_KIB;
        u32::try_from(deliveries.min(self.max_deliveries)).unwrap_or(u32::MAX)
    }

    pub(super) fn try_reserve(&self, deliveries: u32) -> Result<Option<Permit<'_>>, HubClosed> {
        let acquired = (
            self.entries.try_acquire(),
            self.deliveries.try_acquire_many(deliveries),
        );
        match acquired {
            (Ok(entry), Ok(deliveries)) => Ok(Some(Permit { entry, deliveries })),
            (Err(TryAcquireError::Closed), _) | (_, Err(TryAcquireError::Closed)) => Err(HubClosed),
            _ => Ok(None),
        }
    }

    pub(super) async fn reserve(&self, deliveries: u32) -> Result<Permit<'_>, HubClosed> {
        let entry = self.entries.acquire().await.map_err(|_| HubClosed)?;
        let deliveries = self.deliveries.acquire_many(deliveries);
        let deliveries = deliveries.await.map_err(|_| HubClosed)?;
        Ok(Permit { entry, deliveries })
    }

    pub(super) fn push(&self, entry: Entry, charge: Charge) {
        let mut lanes = self.lanes.lock();
        self.note_arrival(&lanes);
        lanes.ordered.push_back(Waiting { entry, charge });
        drop(lanes);
        self.shard.wake();
    }

    pub(super) fn push_urgent(&self, entry: Entry) {
        let mut lanes = self.lanes.lock();
        self.note_arrival(&lanes);
        lanes.urgent.push_back(entry);
        drop(lanes);
        self.shard.wake();
    }

    /// A shard that had nothing to do has not missed a turn.
    fn note_arrival(&self, lanes: &Lanes) {
        if lanes.is_empty() {
            self.record_turn();
        }
    }

    /// Ready when something waits, or when nothing more arrives.
    pub(super) fn poll_waiting(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shard.register(cx.waker());
        let lanes = self.lanes.lock();
        if lanes.closed || !lanes.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Takes up to `max` entries of the ordered lane. False once nothing more arrives and
    /// nothing waits.
    pub(super) fn take_ordered(&self, batch: &mut Vec<Waiting>, max: usize) -> bool {
        let mut lanes = self.lanes.lock();
        let count = lanes.ordered.len().min(max);
        batch.extend(lanes.ordered.drain(..count));
        count > 0 || !lanes.closed
    }

    /// Takes everything in the urgent lane.
    pub(super) fn take_urgent(&self) -> VecDeque<Entry> {
        std::mem::take(&mut self.lanes.lock().urgent)
    }

    /// Gives back what carried-out entries took up.
    pub(super) fn release(&self, charge: Charge) {
        self.entries.add_permits(charge.entries);
        self.deliveries.add_permits(charge.deliveries);
    }

    /// Ends the mailbox with its shard: what waits is dropped, and everyone who waits for a
    /// permit is told.
    pub(super) fn close(&self) {
        self.entries.close();
        self.deliveries.close();
        let mut lanes = self.lanes.lock();
        lanes.closed = true;
        let dropped = (
            std::mem::take(&mut lanes.urgent),
            std::mem::take(&mut lanes.ordered),
        );
        drop(lanes);
        // Entries hold clients and topics, whose drop takes other locks.
        drop(dropped);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.entries.is_closed()
    }

    /// Nothing more arrives; what waits is still carried out.
    pub(super) fn finish(&self) {
        self.lanes.lock().closed = true;
        self.shard.wake();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_shard_is_stalled_by_the_time_that_something_waits_not_by_its_idle_time() {
        const HOUR: Duration = Duration::from_secs(3600);
        let mut mailbox = Mailbox::new(MailboxOptions {
            entries: 1,
            deliveries: 1,
        });
        mailbox.created -= HOUR;
        assert!(!mailbox.is_stalled(HOUR / 2), "nothing waits");
        let (clients, reply) = (Vec::new(), oneshot::channel().0);
        mailbox.push(Entry::Inspect { clients, reply }, Charge::default());
        assert!(!mailbox.is_stalled(HOUR / 2), "it has just arrived");
        mailbox.due_since_ms.store(0, Ordering::Relaxed);
        assert!(mailbox.is_stalled(HOUR / 2));
        mailbox.record_turn();
        assert!(!mailbox.is_stalled(HOUR / 2));
    }
}
