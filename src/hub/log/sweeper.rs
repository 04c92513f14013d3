//! The sweeper drops publications that have expired, forgets topics that have been unused for
//! long and, when histories exceed their budget, drops the oldest publications of the topics that
//! use more than their fair share.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::budget::{Budget, Budgets};
use super::topic_log::TopicLog;
use crate::hub::options::HubOptions;
use crate::hub::registry::Registry;
use crate::hub::topic::Topic;
use crate::protocol::TopicKind;

/// The kinds of topics that keep histories.
const KINDS: [TopicKind; 2] = [TopicKind::Channel, TopicKind::Room];

/// Topics visited before the sweeper yields to other tasks.
const TOPICS_PER_TURN: usize = 256;
/// How many times the maximum age is halved to get below the budget; the last step keeps
/// nothing.
const HALVINGS: i32 = 16;

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
        let share = budget.fair_share() / 8 * 7;
        let topics = self.topics(kind);
        let oldest = topics
            .iter()
            .filter_map(|topic| topic.with_log(|log| log.oldest_at())?)
            .min();
        // Without publications, the positions alone exceed the budget.
        let age = oldest.map_or(Duration::ZERO, |oldest| oldest.elapsed());
        let steps = if oldest.is_some() { HALVINGS } else { 0 };
        for step in 1..=steps {
            let max_age = if step == HALVINGS {
                Duration::ZERO
            } else {
                age.div_f64(f64::from(2_i32.pow(step as u32)))
            };
            for topics in topics.chunks(TOPICS_PER_TURN) {
                if budget.used() <= goal {
                    return true;
                }
                let now = Instant::now();
                let cutoff = now.checked_sub(max_age).unwrap_or(now);
                for topic in topics {
                    topic.with_log(|log| log.drop_before(cutoff, share));
                }
                yield_now().await;
            }
        }
        self.forget_least_recent(topics, budget, goal).await;
        budget.used() <= goal
    }

    /// Forgets topics, the least recently published first, until the goal is reached. By now
    /// they hold no publications, only their positions.
    async fn forget_least_recent(&self, mut topics: Vec<Arc<Topic>>, budget: &Budget, goal: usize) {
        topics.sort_by_cached_key(|topic| topic.with_log(|log| log.used_at));
        for topics in topics.chunks(TOPICS_PER_TURN) {
            for topic in topics {
                if budget.used() <= goal {
                    return;
                }
                self.forget_if_idle(topic, Duration::ZERO);
            }
            yield_now().await;
        }
    }

    fn forget_if_idle(&self, topic: &Arc<Topic>, ttl: Duration) {
        if topic.retire_if_idle(ttl, || self.registry.next_epoch()) {
            self.registry.remove_topic(topic);
        }
    }
}
