//! The limits of plain HTTP connections.
//!
//! A few connections beyond the maximum are served too, for one request each, so that health
//! checks get through. A new one takes the place of the one that has waited longest for its
//! request: connections that send nothing, or slowly, cannot keep health checks out.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections beyond the maximum that are served at a time.
const MAX_EXTRA: usize = 64;
/// Connections that may read more than a little at a time. Others are served between two of them.
const LARGE_READS: usize = 4;

/// Counts the HTTP connections of all listeners.
#[derive(Debug, Clone)]
pub(super) struct HttpSlots {
    regular: Arc<Semaphore>,
    /// When fewer regular slots are free, idle connections are kept for a shorter time.
    few: usize,
    extra: Arc<Mutex<Extra>>,
    large_reads: Arc<Semaphore>,
}

/// The connections beyond the maximum.
#[derive(Debug, Default)]
struct Extra {
    /// Those that may be served.
    taken: usize,
    /// Those that have not sent their request, in the order in which they were accepted.
    waiting: BTreeMap<u64, CancellationToken>,
    next: u64,
}

/// The right to be served, until it is dropped or [lost](Self::lost).
#[derive(Debug)]
pub(super) struct HttpSlot {
    kind: Kind,
    large_reads: Arc<Semaphore>,
}

#[derive(Debug)]
enum Kind {
    Regular {
        permit: OwnedSemaphorePermit,
        few: usize,
    },
    Extra {
        all: Arc<Mutex<Extra>>,
        id: u64,
        lost: CancellationToken,
    },
}

impl HttpSlots {
    /// At most `max` connections, and a few beyond.
    pub(super) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self {
            regular: Arc::new(Semaphore::new(max)),
            few: max / 2,
            extra: Arc::default(),
            large_reads: Arc::new(Semaphore::new(LARGE_READS)),
        }
    }

    /// A slot for a new connection. `None` if all are in use, even those beyond the maximum, and
    /// none of these still waits for its request.
    pub(super) fn take(&self) -> Option<HttpSlot> {
        if let Ok(permit) = self.regular.clone().try_acquire_owned() {
            let few = self.few;
            return Some(self.slot(Kind::Regular { permit, few }));
        }
        let mut extra = self.extra.lock();
        if extra.taken < MAX_EXTRA {
            extra.taken += 1;
        } else {
            let (_, longest_waiting) = extra.waiting.pop_first()?;
            longest_waiting.cancel();
        }
        let (id, lost) = (extra.next, CancellationToken::new());
        extra.next += 1;
        extra.waiting.insert(id, lost.clone());
        let all = self.extra.clone();
        Some(self.slot(Kind::Extra { all, id, lost }))
    }

    fn slot(&self, kind: Kind) -> HttpSlot {
        let large_reads = self.large_reads.clone();
        HttpSlot { kind, large_reads }
    }
}

impl HttpSlot {
    /// Permits of connections that read much at once.
    pub(super) fn large_reads(&self) -> Arc<Semaphore> {
        self.large_reads.clone()
    }

    /// Whether the connection is beyond the maximum.
    pub(super) fn is_extra(&self) -> bool {
        matches!(self.kind, Kind::Extra { .. })
    }

    /// Whether more than half of the maximum number of connections are open.
    pub(super) fn is_one_of_many(&self) -> bool {
        match &self.kind {
            Kind::Regular { permit, few } => permit.semaphore().available_permits() < *few,
            Kind::Extra { .. } => true,
        }
    }

    /// The request has arrived: from now on the slot is not lost.
    pub(super) fn keep(&self) {
        if let Kind::Extra { all, id, .. } = &self.kind {
            all.lock().waiting.remove(id);
        }
    }

    /// Returns when another connection has taken the slot.
    pub(super) async fn lost(&self) {
        match &self.kind {
            Kind::Regular { .. } => pending().await,
            Kind::Extra { lost, .. } => lost.cancelled().await,
        }
    }
}

impl Drop for HttpSlot {
    fn drop(&mut self) {
        if let Kind::Extra { all, id, lost } = &self.kind {
            let mut all = all.lock();
            // A slot is lost under the lock, so this is exact.
            if !lost.is_cancelled() {
                all.waiting.remove(id);
                all.taken -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_lost(slot: &HttpSlot) -> bool {
        matches!(&slot.kind, Kind::Extra { lost, .. } if lost.is_cancelled())
    }

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = HttpSlots::new(2);
        let taken: Vec<_> = std::iter::from_fn(|| {
            let slot = slots.take();
            slot.iter().for_each(HttpSlot::keep);
            slot
        })
        .collect();
        let extra = taken.iter().filter(|slot| slot.is_extra()).count();
        assert_eq!((taken.len(), extra), (2 + MAX_EXTRA, MAX_EXTRA));
        drop(taken);
        assert!(slots.take().is_some_and(|slot| !slot.is_extra()));
        assert_eq!(slots.extra.lock().taken, 0);
    }

    #[test]
    fn the_longest_wait_for_a_request_ends_when_the_slot_is_needed() {
        let slots = HttpSlots::new(0);
        let mut taken: Vec<_> = (0..MAX_EXTRA).filter_map(|_| slots.take()).collect();
        taken[0].keep();
        let newest = slots.take().expect("the place of the second");
        let lost: Vec<bool> = taken.iter().take(3).map(is_lost).collect();
        assert_eq!(lost, [false, true, false]);
        assert!(!is_lost(&newest));
        taken.remove(1);
        assert_eq!(slots.extra.lock().taken, MAX_EXTRA, "it was passed on");
        drop((taken, newest));
        let extra = slots.extra.lock();
        assert_eq!((extra.taken, extra.waiting.len()), (0, 0));
    }
}
