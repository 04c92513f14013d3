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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use super::entry::{Entry, HubClosed};

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

/// What an entry takes up in the ordered lane until it has been carried out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charge {
    entries: usize,
    deliveries: usize,
}

impl std::ops::AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        self.entries += other.entries;
        self.deliveries += other.deliveries;
    }
}

impl Mailbox {
    fn new(options: MailboxOptions) -> Self {
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
    fn deliveries_of(&self, members: usize, bytes: usize) -> u32 {
        let deliveries = members.max(1) + bytes / 1024 * DELIVERIES_PER_KIB;
        u32::try_from(deliveries.min(self.max_deliveries)).unwrap_or(u32::MAX)
    }

    fn try_reserve(&self, deliveries: u32) -> Result<Option<Permit<'_>>, HubClosed> {
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

    async fn reserve(&self, deliveries: u32) -> Result<Permit<'_>, HubClosed> {
        let entry = self.entries.acquire().await.map_err(|_| HubClosed)?;
        let deliveries = self.deliveries.acquire_many(deliveries);
        let deliveries = deliveries.await.map_err(|_| HubClosed)?;
        Ok(Permit { entry, deliveries })
    }

    fn push(&self, entry: Entry, charge: Charge) {
        let mut lanes = self.lanes.lock();
        self.note_arrival(&lanes);
        lanes.ordered.push_back(Waiting { entry, charge });
        drop(lanes);
        self.shard.wake();
    }

    fn push_urgent(&self, entry: Entry) {
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

    fn is_closed(&self) -> bool {
        self.entries.is_closed()
    }
}

/// All mailboxes, indexed by shard. The shards end when it is dropped.
#[derive(Debug)]
pub(in crate::hub) struct Mailboxes(Box<[Arc<Mailbox>]>);

impl Mailboxes {
    pub(in crate::hub) fn new(shards: usize, options: MailboxOptions) -> Self {
        let mailboxes = (0..shards).map(|_| Arc::new(Mailbox::new(options)));
        Self(mailboxes.collect())
    }

    pub(in crate::hub) fn len(&self) -> usize {
        self.0.len()
    }

    /// The mailbox of a shard, whose number comes from a client or from counting up to
    /// [`len`](Self::len). No input names one.
    pub(in crate::hub) fn get(&self, shard: usize) -> &Arc<Mailbox> {
        &self.0[shard]
    }

    /// Reserves a permit in the mailbox of each shard in `members`, for a frame of `bytes` to that
    /// many members.
    ///
    /// Backpressure: waits while a mailbox is full. It holds no other permit meanwhile, so that a
    /// slow shard does not slow down the others.
    /// Errors: [`HubClosed`] if a wanted shard no longer runs.
    /// Cancel safety: permits already reserved are returned.
    pub(in crate::hub) async fn reserve(
        &self,
        members: impl Fn(usize) -> Option<usize>,
        bytes: usize,
    ) -> Result<Permits<'_>, HubClosed> {
        let mut waited: Option<(usize, Permit<'_>)> = None;
        loop {
            let mut permits = Permits::none(&self.0);
            if let Some((shard, permit)) = waited.take() {
                permits.reserved[shard] = Some(permit);
            }
            let Some(full) = self.try_reserve_all(&mut permits, &members, bytes)? else {
                return Ok(permits);
            };
            drop(permits);
            let mailbox = &self.0[full];
            let deliveries = mailbox.deliveries_of(members(full).unwrap_or(0), bytes);
            waited = Some((full, mailbox.reserve(deliveries).await?));
        }
    }

    /// Reserves without waiting, up to the first mailbox that is full.
    fn try_reserve_all<'a>(
        &'a self,
        permits: &mut Permits<'a>,
        members: &impl Fn(usize) -> Option<usize>,
        bytes: usize,
    ) -> Result<Option<usize>, HubClosed> {
        for (shard, mailbox) in self.0.iter().enumerate() {
            let Some(members) = members(shard) else {
                continue;
            };
            if permits.has(shard) {
                continue;
            }
            let deliveries = mailbox.deliveries_of(members, bytes);
            match mailbox.try_reserve(deliveries)? {
                Some(permit) => permits.reserved[shard] = Some(permit),
                None => return Ok(Some(shard)),
            }
        }
        Ok(None)
    }

    /// Puts an entry into the ordered lane even if it is full. Only for what happens once per
    /// connection: its begin and its end.
    pub(in crate::hub) fn push(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        if self.0[shard].is_closed() {
            return Err(HubClosed);
        }
        self.0[shard].push(entry, Charge::default());
        Ok(())
    }

    /// Puts an entry into the urgent lane.
    pub(in crate::hub) fn push_urgent(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        let mailbox = &self.0[shard];
        if mailbox.is_closed() {
            return Err(HubClosed);
        }
        mailbox.push_urgent(entry);
        Ok(())
    }
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        for mailbox in &self.0 {
            mailbox.lanes.lock().closed = true;
            mailbox.shard.wake();
        }
    }
}

/// A reserved place in one mailbox.
#[derive(Debug)]
struct Permit<'a> {
    entry: SemaphorePermit<'a>,
    deliveries: SemaphorePermit<'a>,
}

/// Reserved permits, at most one per shard.
#[derive(Debug)]
pub(in crate::hub) struct Permits<'a> {
    mailboxes: &'a [Arc<Mailbox>],
    reserved: Vec<Option<Permit<'a>>>,
}

impl<'a> Permits<'a> {
    fn none(mailboxes: &'a [Arc<Mailbox>]) -> Self {
        Self {
            mailboxes,
            reserved: mailboxes.iter().map(|_| None).collect(),
        }
    }

    pub(in crate::hub) fn has(&self, shard: usize) -> bool {
        self.reserved[shard].is_some()
    }

    /// Uses the shard's permit to send an entry; never waits.
    pub(in crate::hub) fn send(&mut self, shard: usize, entry: Entry) {
        let permit = self.reserved[shard].take();
        debug_assert!(permit.is_some(), "sent without a permit");
        if let Some(Permit {
            entry: place,
            deliveries,
        }) = permit
        {
            let charge = Charge {
                entries: place.num_permits(),
                deliveries: deliveries.num_permits(),
            };
            place.forget();
            deliveries.forget();
            self.mailboxes[shard].push(entry, charge);
        }
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
