//! Who pays when histories exceed their budget.
//!
//! The histories of rooms count towards the client that published first in them, so that a client
//! with thousands of small rooms does not count as thousands of clients. Each channel counts for
//! itself. Owners that hold more than the fair share pay, and none falls below it. Within an owner,
//! the same holds for its topics.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::owner::Owner;
use super::schedule::Schedule;
use super::topic_log::TopicLog;
use crate::hub::topic::Topic;
use crate::protocol::TopicKind;

/// The histories of one owner.
#[derive(Debug, Default)]
pub(super) struct Holding {
    pub(super) histories: Vec<Held>,
    pub(super) bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) topic: Arc<Topic>,
    pub(super) used_at: Instant,
    pub(super) bytes: usize,
}

/// Topics visited before others get a turn.
pub(super) const TOPICS_PER_TURN: usize = 256;

/// Groups the topics of a kind that the budget counts by owner.
pub(super) async fn by_owner(schedule: &Schedule, kind: TopicKind) -> Vec<Holding> {
    let mut holdings: HashMap<Owner, Holding> = HashMap::new();
    for (number, topic) in schedule.of(kind).enumerate() {
        if number % TOPICS_PER_TURN == TOPICS_PER_TURN - 1 {
            yield_now().await;
        }
        let state = |log: &mut TopicLog| (log.owner(), log.used_at, log.charged());
        let Some((owner, used_at, bytes)) = topic.with_log(state).filter(|state| state.2 > 0)
        else {
            continue;
        };
        let holding = holdings.entry(owner).or_default();
        holding.bytes += bytes;
        holding.histories.push(Held {
            topic: topic.clone(),
            used_at,
            bytes,
        });
    }
    holdings.into_values().collect()
}

/// The largest share that everybody can have within `total`, if those who hold less keep
/// what they hold.
pub(super) fn fair_share(sizes: impl IntoIterator<Item = usize>, total: usize) -> usize {
    let mut sizes: Vec<usize> = sizes.into_iter().collect();
    sizes.sort_unstable();
    let mut left = total;
    for (index, &size) in sizes.iter().enumerate() {
        let share = left / (sizes.len() - index);
        if size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_holdings_are_kept_and_large_ones_share_the_rest() {
        assert_eq!(fair_share([], 100), usize::MAX);
        assert_eq!(fair_share([40, 60], 100), usize::MAX);
        assert_eq!(fair_share([90, 60], 100), 50);
        assert_eq!(fair_share([1000, 10, 80, 10], 100), 40);
        assert_eq!(fair_share([7; 20], 100), 5);
    }
}
