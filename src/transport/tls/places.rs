//! How many handshakes are made at a time.
//!
//! While all places are taken, nothing more is accepted: connections wait in the kernel's queue. A
//! burst of clients is worked off in that way. Peers that begin handshakes and do not go on cannot
//! keep others out: who has had a place for a second loses it to the next connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long a handshake may take while others wait. It takes two round trips, and less than a
/// millisecond of work.
const SAFE: Duration = Duration::from_secs(1);

/// The places of all listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
}

/// The places that are taken, in the order of time.
#[derive(Debug, Default)]
struct Taken {
    places: BTreeMap<u64, (Instant, CancellationToken)>,
    next: u64,
}

impl Taken {
    fn oldest(&self) -> Option<(u64, Instant)> {
        let first = self.places.iter().next();
        first.map(|(&id, &(since, _))| (id, since))
    }
}

/// The right to a handshake, until it is dropped or lost.
#[derive(Debug)]
pub struct Place {
    id: u64,
    taken: Arc<Mutex<Taken>>,
    lost: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// At most `max` handshakes.
    pub(super) fn new(max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS))),
            taken: Arc::default(),
        }
    }

    /// Waits for a place.
    ///
    /// Cancel safety: nothing is lost.
    pub(super) async fn take(&self) -> Place {
        loop {
            // The semaphore is never closed.
            if let Ok(permit) = self.free.clone().try_acquire_owned() {
                return self.place(permit);
            }
            let oldest = self.taken.lock().oldest();
            let Some((id, since)) = oldest else {
                // It is being given back.
                yield_now().await;
                continue;
            };
            let free = self.free.clone().acquire_owned();
            if let Ok(Ok(permit)) = timeout_at(since + SAFE, free).await {
                return self.place(permit);
            }
            if let Some((_, lost)) = self.taken.lock().places.remove(&id) {
                lost.cancel();
            }
            let free = self.free.clone().acquire_owned();
            if let Ok(Ok(permit)) = timeout(SAFE, free).await {
                return self.place(permit);
            }
        }
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        let lost = CancellationToken::new();
        let mut taken = self.taken.lock();
        let id = taken.next;
        taken.next += 1;
        taken.places.insert(id, (Instant::now(), lost.clone()));
        Place {
            id,
            taken: self.taken.clone(),
            lost,
            _permit: permit,
        }
    }
}

impl Place {
    /// Returns when another connection has got the place.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.lock().places.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_handshake_gives_way_after_a_second_and_not_before() {
        let places = Places::new(2);
        let (first, second) = (places.take().await, places.take().await);
        let third = async {
            let third = places.take();
            let lost = async {
                first.lost().await;
                let now = Instant::now();
                drop(first);
                now
            };
            tokio::join!(third, lost)
        };
        let start = Instant::now();
        let (third, lost_at) = third.await;
        assert!(lost_at - start >= SAFE);
        assert!(second.lost().now_or_never().is_none());
        // A place that is given back is taken at once.
        drop(second);
        let fourth = places.take().now_or_never().expect("a free place");
        advance(2 * SAFE).await;
        assert!(fourth.lost().now_or_never().is_none(), "nobody waits");
        drop((third, fourth));
        assert!(places.taken.lock().places.is_empty());
    }
}
