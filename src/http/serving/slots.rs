//! The limit of plain HTTP connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections beyond the maximum that are served for one request, at a time.
const MAX_EXTRA: usize = 64;

/// Counts the HTTP connections of all listeners.
#[derive(Debug, Clone)]
pub(super) struct HttpSlots {
    regular: Arc<Semaphore>,
    extra: Arc<Semaphore>,
}

/// The right to be served, until it is dropped.
#[derive(Debug)]
pub(super) struct HttpSlot {
    /// Whether the connection is beyond the maximum.
    pub(super) is_extra: bool,
    _permit: OwnedSemaphorePermit,
}

impl HttpSlots {
    /// At most `max` connections, and a few beyond.
    pub(super) fn new(max: usize) -> Self {
        Self {
            regular: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            extra: Arc::new(Semaphore::new(MAX_EXTRA)),
        }
    }

    /// A slot for a new connection. `None` if even those beyond the maximum are in use.
    pub(super) fn take(&self) -> Option<HttpSlot> {
        let regular = self.regular.clone().try_acquire_owned();
        let (permit, is_extra) = match regular {
            Ok(permit) => (permit, false),
            Err(_none_left) => (self.extra.clone().try_acquire_owned().ok()?, true),
        };
        Some(HttpSlot {
            is_extra,
            _permit: permit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = HttpSlots::new(2);
        let taken: Vec<_> = std::iter::from_fn(|| slots.take()).collect();
        let extra = taken.iter().filter(|slot| slot.is_extra).count();
        assert_eq!((taken.len(), extra), (2 + MAX_EXTRA, MAX_EXTRA));
        drop(taken);
        assert!(slots.take().is_some_and(|slot| !slot.is_extra));
    }
}
