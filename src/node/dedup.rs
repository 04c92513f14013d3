//! Idempotency keys, remembered for a while so that a retry does not publish an event twice.
//!
//! Each channel of an event is remembered separately. If an event for several channels reached
//! only some of them, a retry publishes to the others.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};
use tokio::time::Instant;

use super::publish_error::PublishError;
use crate::protocol::{ChannelName, EventId};

/// The result of publishing an event to one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// When the event was accepted.
    pub(super) at: SystemTime,
    /// The number of subscribers it was sent to.
    pub(super) subscribers: usize,
    /// Its offset, if it is known; that of a backend's event is not.
    pub(super) offset: Option<u64>,
}

/// The channel and the key of its publisher.
pub(super) type Key = (ChannelName, EventId);

/// The outcomes of the publications within the window. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Dedup {
    window: Duration,
    outcomes: Arc<Cache<Key, (Outcome, Instant)>>,
}

impl Dedup {
    /// Remembers at most `max_ids` keys, each for `window`; beyond that, the oldest are
    /// forgotten first. `None` if either is zero: deduplication is off.
    pub(super) fn new(window: Duration, max_ids: usize) -> Option<Self> {
        if window.is_zero() || max_ids == 0 {
            return None;
        }
        // No room is reserved for hot keys: they would outlive newer ones.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(max_ids)
            .weight_capacity(max_ids as u64)
            .hot_allocation(0.0)
            .ghost_allocation(0.0)
            .build()
            .ok()?;
        let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let outcomes = Cache::with_options(options, UnitWeighter, hash, lifecycle);
        Some(Self {
            window,
            outcomes: Arc::new(outcomes),
        })
    }

    /// The outcome of an earlier publication with this key, if there was one.
    pub(super) fn get(&self, key: &Key) -> Option<Outcome> {
        let (outcome, at) = self.outcomes.peek(key)?;
        (at.elapsed() < self.window).then_some(outcome)
    }

    /// The outcomes within the window, newest first, each with the time at which it was recorded.
    pub(super) fn outcomes(&self) -> Vec<(Key, Outcome, Instant)> {
        let outcomes = self.outcomes.iter();
        let outcomes = outcomes.filter(|(_, (_, at))| at.elapsed() < self.window);
        let mut outcomes: Vec<_> = outcomes
            .map(|(key, (outcome, at))| (key, outcome, at))
            .collect();
        outcomes.sort_by_key(|&(_, _, at)| Reverse(at));
        outcomes
    }

    /// Remembers an outcome that was recorded at the time `at`, by an earlier process. The oldest
    /// have to come first: they are forgotten first.
    pub(super) fn restore(&self, key: Key, outcome: Outcome, at: Instant) {
        self.outcomes.insert(key, (outcome, at));
    }

    /// Publishes unless the key has been published already, and returns the first outcome.
    /// Concurrent calls with the same key wait for the one in progress; if it fails or is
    /// dropped, the next one publishes.
    ///
    /// Cancel safety: that of `publish`. Its outcome is recorded as soon as it completes.
    pub(super) async fn once(
        &self,
        key: &Key,
        publish: impl Future<Output = Result<Outcome, PublishError>>,
    ) -> Result<Outcome, PublishError> {
        let fresh = |_: &Key, (outcome, at): &mut (Outcome, Instant)| {
            if at.elapsed() < self.window {
                EntryAction::Retain(*outcome)
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        match self.outcomes.entry_async(key, fresh).await {
            EntryResult::Retained(outcome) => Ok(outcome),
            EntryResult::Vacant(entry) | EntryResult::Replaced(entry, _) => {
                let outcome = publish.await?;
                // No await between the two. If the entry was removed meanwhile, inserting
                // fails, which does no harm.
                let _ = entry.insert((outcome, Instant::now()));
                Ok(outcome)
            }
            // Cannot happen: `fresh` never removes, and the wait has no deadline.
            EntryResult::Removed(..) | EntryResult::Timeout => Err(PublishError::Overloaded),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use futures_util::future::join;
    use futures_util::poll;
    use tokio::time::advance;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(channel: &str, id: &str) -> Key {
        (
            ChannelName::new(channel).unwrap(),
            EventId::new(id).unwrap(),
        )
    }

    fn outcome(subscribers: usize) -> Outcome {
        Outcome {
            at: SystemTime::UNIX_EPOCH,
            subscribers,
            offset: None,
        }
    }

    #[tokio::test]
    async fn the_first_outcome_is_remembered_and_a_failure_is_not() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let overloaded = Err(PublishError::Overloaded);
        let once = async |result| dedup.once(&key("a", "1"), async { result }).await;
        assert_eq!(once(overloaded.clone()).await, overloaded);
        assert_eq!(once(Ok(outcome(1))).await, Ok(outcome(1)));
        assert_eq!(once(Ok(outcome(2))).await, Ok(outcome(1)));
        assert_eq!(dedup.get(&key("a", "1")), Some(outcome(1)));
        assert_eq!(dedup.get(&key("b", "1")), None);
        assert_eq!(dedup.get(&key("a", "2")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_window_a_key_publishes_again() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let once = async |result| dedup.once(&key("a", "1"), async { Ok(result) }).await;
        assert_eq!(once(outcome(1)).await, Ok(outcome(1)));
        advance(HOUR / 2).await;
        assert_eq!(once(outcome(2)).await, Ok(outcome(1)));
        advance(HOUR / 2).await;
        assert_eq!(dedup.get(&key("a", "1")), None);
        assert_eq!(once(outcome(3)).await, Ok(outcome(3)));
        advance(HOUR / 2).await;
        assert_eq!(once(outcome(4)).await, Ok(outcome(3)));
    }

    #[tokio::test]
    async fn the_oldest_keys_are_forgotten_when_there_are_too_many() {
        const MAX: usize = 10_000;
        let dedup = Dedup::new(HOUR, MAX).unwrap();
        let ids: Vec<Key> = (0..3 * MAX).map(|id| key("a", &id.to_string())).collect();
        for (id, key) in ids.iter().enumerate() {
            let result = dedup.once(key, async { Ok(outcome(id)) }).await;
            assert_eq!(result, Ok(outcome(id)));
            // Looking a key up does not make it younger.
            let _ = dedup.get(&ids[id / 2]);
            assert!(dedup.outcomes.len() <= MAX);
        }
        // The cache's shards do not fill evenly.
        let newest = &ids[3 * MAX - MAX * 8 / 10..];
        assert!(newest.iter().all(|key| dedup.get(key).is_some()));
        // The cache keeps a few of the very first keys.
        let oldest = ids[..MAX].iter();
        let kept = oldest.filter(|key| dedup.get(key).is_some()).count();
        assert!(kept <= MAX / 100, "{kept}");
    }

    #[tokio::test]
    async fn waiting_calls_share_the_outcome_and_one_takes_over_if_the_first_gives_up() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let key = key("a", "1");
        let mut stuck = Box::pin(dedup.once(&key, pending()));
        let mut second = pin!(dedup.once(&key, async { Ok(outcome(2)) }));
        let mut third = pin!(dedup.once(&key, async { Ok(outcome(3)) }));
        assert!(poll!(stuck.as_mut()).is_pending());
        assert!(poll!(second.as_mut()).is_pending());
        assert!(poll!(third.as_mut()).is_pending());
        drop(stuck);
        let results = join(second, third).await;
        let all = |result| (Ok(outcome(result)), Ok(outcome(result)));
        assert!(results == all(2) || results == all(3));
    }

    #[test]
    fn a_window_or_a_bound_of_zero_turns_it_off() {
        assert!(Dedup::new(HOUR, 0).is_none());
        assert!(Dedup::new(Duration::ZERO, 100).is_none());
    }
}
