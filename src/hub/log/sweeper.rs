//! The sweeper drops publications that have expired, forgets topics that have been unused for
//! long and, when histories exceed their budget, drops publications of those who hold more than
//! their fair share.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::budget::{Budget, Budgets};
use super::shares::{Held, Holding, by_owner, fair_share};
use super::topic_log::TopicLog;
use crate::hub::options::HubOptions;
use crate::hub::registry::Registry;
use crate::hub::topic::Topic;
use crate::protocol::TopicKind;

/// The kinds of topics that keep histories.
const KINDS: [TopicKind; 2] = [TopicKind::Channel, TopicKind::Room];

/// Topics visited before the sweeper yields to other tasks.
const TOPICS_PER_TURN: usize = 256;
/// Sweeps within the shortest retention time.
const SWEEPS_PER_RETENTION: u32 = 8;
const MIN_INTERVAL: Duration = Duration::from_millis(20);
const MAX_INTERVAL: Duration = Duration::from_secs(10);
/// Longest pause after a sweep that could not get below the budget.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The task that enforces ages and the shared budgets.
#[derive(Debug)]
pub(in crate::hub) struct Sweeper {
    registry: Arc<Registry>,
    budgets: Budgets,
    /// How long an unused topic's position is remembered.
    position_ttl: Duration,
    /// Time between two sweeps.
    interval: Duration,
}

impl Sweeper {
    /// Spawns a sweeper if any topic can keep a history. It stops when the guard is dropped.
    pub(in crate::hub) fn start(
        registry: &Arc<Registry>,
        budgets: &Budgets,
        options: &HubOptions,
        tasks: &TaskTracker,
    ) -> Option<DropGuard> {
        let position_ttl = options.retention.position_ttl;
        let ages = options.topics.histories().map(|limits| limits.max_age);
        let shortest = ages.min()?.min(position_ttl);
        let sweeper = Self {
            registry: registry.clone(),
            budgets: budgets.clone(),
            position_ttl,
            interval: (shortest / SWEEPS_PER_RETENTION).clamp(MIN_INTERVAL, MAX_INTERVAL),
        };
        let stop = CancellationToken::new();
        tasks.spawn(sweeper.run(stop.clone()));
        Some(stop.drop_guard())
    }

    async fn run(self, stop: CancellationToken) {
        let sweeps = async {
            loop {
                tokio::select! {
                    () = sleep(self.interval) => {}
                    () = self.budgets.exceeded() => {}
                }
                self.expire().await;
                if !self.enforce_budgets().await {
                    // What remains are topics with members. Without a pause, every publication
                    // would trigger another sweep that frees nothing.
                    sleep(self.interval.min(MAX_PAUSE)).await;
                }
            }
        };
        stop.run_until_cancelled(sweeps).await;
    }

    /// Returns false if not enough could be freed.
    async fn enforce_budgets(&self) -> bool {
        let mut enforced = true;
        for kind in KINDS {
            let budget = self.budgets.of(kind);
            enforced &= !budget.is_exceeded() || self.reclaim(kind, budget).await;
        }
        enforced
    }

    /// The topics of a kind that keep a history.
    fn topics(&self, kind: TopicKind) -> Vec<Arc<Topic>> {
        let mut topics = self.registry.topics(kind);
        topics.retain(|topic| topic.with_log(|_| ()).is_some());
        topics
    }

    /// Drops expired publications and forgets idle topics.
    async fn expire(&self) {
        for kind in KINDS {
            for topics in self.topics(kind).chunks(TOPICS_PER_TURN) {
                for topic in topics {
                    topic.with_log(TopicLog::expire);
                    self.forget_if_idle(topic, self.position_ttl);
                }
                yield_now().await;
            }
        }
    }

    /// Reduces the histories to seven eighths of their budget, so that the next publication does
    /// not exceed it again. Returns false if that much could not be freed.
    async fn reclaim(&self, kind: TopicKind, budget: &Budget) -> bool {
        let goal = budget.max() / 8 * 7;
        let mut payers = by_owner(self.topics(kind));
        let share = fair_share(payers.iter().map(|payer| payer.bytes), goal);
        payers.retain(|payer| payer.bytes > share);
        for payer in &mut payers {
            drop_publications(payer, share).await;
        }
        if budget.used() > goal {
            self.forget_positions(payers, budget, goal).await;
        }
        budget.used() <= goal
    }

    /// Forgets topics until the goal is reached: those of the largest owner first, and of equal
    /// ones the least recently published. By now they hold no publications, only their positions.
    async fn forget_positions(&self, payers: Vec<Holding>, budget: &Budget, goal: usize) {
        let of_payer = |payer: Holding| {
            let bytes = payer.bytes;
            payer.histories.into_iter().map(move |held| (bytes, held))
        };
        let mut histories: Vec<(usize, Held)> = payers.into_iter().flat_map(of_payer).collect();
        histories.sort_unstable_by_key(|(bytes, held)| (Reverse(*bytes), held.used_at));
        for histories in histories.chunks(TOPICS_PER_TURN) {
            for (_, held) in histories {
                if budget.used() <= goal {
                    return;
                }
                self.forget_if_idle(&held.topic, Duration::ZERO);
            }
            yield_now().await;
        }
    }

    fn forget_if_idle(&self, topic: &Arc<Topic>, ttl: Duration) {
        if topic.retire_if_idle(ttl, || self.registry.next_epoch(topic.kind())) {
            self.registry.remove_topic(topic);
        }
    }
}

/// Drops the oldest publications of the owner's topics, so that they hold `total` bytes together
/// and each that loses any holds the same.
async fn drop_publications(owner: &mut Holding, total: usize) {
    let share = fair_share(owner.histories.iter().map(|held| held.bytes), total);
    for histories in owner.histories.chunks_mut(TOPICS_PER_TURN) {
        for held in histories {
            let excess = held.bytes.saturating_sub(share);
            let freed = held.topic.with_log(|log| log.free(excess)).unwrap_or(0);
            owner.bytes -= freed.min(owner.bytes);
        }
        yield_now().await;
    }
}
