//! Publications with an idempotency key, remembered for a while so that a retry is not a second
//! event.
//!
//! What is remembered is one channel's part of an event: of a publication for several
//! channels that failed half-way, a retry makes up only for what is missing.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};
use tokio::time::Instant;

use super::publish_error::PublishError;
use crate::protocol::{ChannelName, EventId};

/// What came of an event in one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// When it was accepted.
    pub(super) at: SystemTime,
    /// To how many it was sent.
    pub(super) subscribers: usize,
}

pub(super) type Key = (ChannelName, EventId);

/// The publications of the window. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Dedup {
    window: Duration,
    outcomes: Arc<Cache<Key, (Outcome, Instant)>>,
}

impl Dedup {
    /// Remembers at most `max_ids` publications, each for the time of `window`; above, the
    /// oldest go first. `None` when nothing is to be dedup.
    pub(super) fn new(window: Duration, max_ids: usize) -> Option<Self> {
        if window.is_zero() || max_ids == 0 {
            return None;
        }
        // No part for what is asked for often: a new id would be forgotten before an old one.
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

    /// What came of it before, if anything.
    pub(super) fn get(&self, key: &Key) -> Option<Outcome> {
        let (first, at) = self.outcomes.peek(key)?;
        (at.elapsed() < self.window).then_some(first)
    }

    /// Publishes unless that was done. Whoever comes while `publish` is under way waits
    /// for its result; when it fails or is dropped, the next who waits publishes.
    ///
    /// Cancel safety: that of `publish`; what it has done is dedup.
    pub(super) async fn once(
        &self,
        key: &Key,
        publish: impl Future<Output = Result<Outcome, PublishError>>,
    ) -> Result<Outcome, PublishError> {
        let fresh = |_: &Key, (first, at): &mut (Outcome, Instant)| {
            if at.elapsed() < self.window {
                EntryAction::Retain(*first)
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        match self.outcomes.entry_async(key, fresh).await {
            EntryResult::Retained(first) => Ok(first),
            EntryResult::Vacant(place) | EntryResult::Replaced(place, _) => {
                let first = publish.await?;
                // Nobody waits between the two. It fails when the place was taken away: no harm.
                let _ = place.insert((first, Instant::now()));
                Ok(first)
            }
            // Only what `fresh` says, and it has no deadline.
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

    fn first(subscribers: usize) -> Outcome {
        Outcome {
            at: SystemTime::UNIX_EPOCH,
            subscribers,
        }
    }

    #[tokio::test]
    async fn the_first_result_stays_and_a_failure_does_not() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let overloaded = Err(PublishError::Overloaded);
        let once = async |result| dedup.once(&key("a", "1"), async { result }).await;
        assert_eq!(once(overloaded.clone()).await, overloaded);
        assert_eq!(once(Ok(first(1))).await, Ok(first(1)));
        assert_eq!(once(Ok(first(2))).await, Ok(first(1)));
        assert_eq!(dedup.get(&key("a", "1")), Some(first(1)));
        assert_eq!(dedup.get(&key("b", "1")), None);
        assert_eq!(dedup.get(&key("a", "2")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_window_the_next_is_the_first() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let once = async |result| dedup.once(&key("a", "1"), async { Ok(result) }).await;
        assert_eq!(once(first(1)).await, Ok(first(1)));
        advance(HOUR / 2).await;
        assert_eq!(once(first(2)).await, Ok(first(1)));
        advance(HOUR / 2).await;
        assert_eq!(dedup.get(&key("a", "1")), None);
        assert_eq!(once(first(3)).await, Ok(first(3)));
        advance(HOUR / 2).await;
        assert_eq!(once(first(4)).await, Ok(first(3)));
    }

    #[tokio::test]
    async fn the_oldest_go_when_there_are_too_many() {
        const MAX: usize = 10_000;
        let dedup = Dedup::new(HOUR, MAX).unwrap();
        let ids: Vec<Key> = (0..3 * MAX).map(|id| key("a", &id.to_string())).collect();
        for (id, key) in ids.iter().enumerate() {
            let result = dedup.once(key, async { Ok(first(id)) }).await;
            assert_eq!(result, Ok(first(id)));
            // One that is asked for again and again is no younger for that.
            let _ = dedup.get(&ids[id / 2]);
            assert!(dedup.outcomes.len() <= MAX);
        }
        // The shards of the map are not filled quite evenly.
        let newest = &ids[3 * MAX - MAX * 8 / 10..];
        assert!(newest.iter().all(|key| dedup.get(key).is_some()));
        // The map keeps a few of the very first.
        let oldest = ids[..MAX].iter();
        let kept = oldest.filter(|key| dedup.get(key).is_some()).count();
        assert!(kept <= MAX / 100, "{kept}");
    }

    #[tokio::test]
    async fn who_waits_gets_the_result_or_takes_over_from_one_that_gave_up() {
        let dedup = Dedup::new(HOUR, 100).unwrap();
        let key = key("a", "1");
        let mut stuck = Box::pin(dedup.once(&key, pending()));
        let mut second = pin!(dedup.once(&key, async { Ok(first(2)) }));
        let mut third = pin!(dedup.once(&key, async { Ok(first(3)) }));
        assert!(poll!(stuck.as_mut()).is_pending());
        assert!(poll!(second.as_mut()).is_pending());
        assert!(poll!(third.as_mut()).is_pending());
        drop(stuck);
        let results = join(second, third).await;
        let all = |result| (Ok(first(result)), Ok(first(result)));
        assert!(results == all(2) || results == all(3));
    }

    #[test]
    fn zero_of_either_switches_it_off() {
        assert!(Dedup::new(HOUR, 0).is_none());
        assert!(Dedup::new(Duration::ZERO, 100).is_none());
    }
}
