//! The sweeper drops publications that have expired, forgets topics that have been unused for
//! long and, when histories exceed their budget, drops publications of those who hold more than
//! their fair share.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::arrivals::Arrivals;
use super::budget::{Budget, Budgets};
use super::pace::pause;
use super::schedule::Schedule;
use super::shares::{Held, Holding, TOPICS_PER_TURN, by_owner, fair_share};
use crate::hub::options::HubOptions;
use crate::hub::registry::Registry;
use crate::hub::topic::Topic;
use crate::protocol::TopicKind;

/// The kinds of topics that keep histories.
const KINDS: [TopicKind; 2] = [TopicKind::Channel, TopicKind::Room];
/// Longest pause after a sweep that could not get below the budget.
const MAX_BUDGET_PAUSE: Duration = Duration::from_secs(1);

/// The task that enforces ages and the shared budgets.
///
/// A sweep visits only the topics in which something is due; the budgets are enforced on the
/// topics that were published to.
#[derive(Debug)]
pub(in crate::hub) struct Sweeper {
    registry: Arc<Registry>,
    budgets: Budgets,
    arrivals: Arc<Arrivals>,
    schedule: Schedule,
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
        arrivals: &Arc<Arrivals>,
        options: &HubOptions,
        tasks: &TaskTracker,
    ) -> Option<DropGuard> {
        let position_ttl = options.retention.position_ttl;
        let ages = options.topics.histories().map(|limits| limits.max_age);
        let shortest = ages.min()?.min(position_ttl);
        let sweeper = Self {
            registry: registry.clone(),
            budgets: budgets.clone(),
            arrivals: arrivals.clone(),
            schedule: Schedule::default(),
            position_ttl,
            interval: pause(shortest),
        };
        let stop = CancellationToken::new();
        tasks.spawn(sweeper.run(stop.clone()));
        Some(stop.drop_guard())
    }

    async fn run(mut self, stop: CancellationToken) {
        let sweeps = async {
            loop {
                tokio::select! {
                    () = sleep(self.interval) => {}
                    () = self.budgets.exceeded() => {}
                }
                self.sweep().await;
                self.registry.shrink();
                if !self.enforce_budgets().await {
                    // What remains are topics with members. Without a pause, every publication
                    // would trigger another sweep that frees nothing.
                    sleep(self.interval.min(MAX_BUDGET_PAUSE)).await;
                }
            }
        };
        stop.run_until_cancelled(sweeps).await;
    }

    /// Returns false if not enough could be freed.
    async fn enforce_budgets(&mut self) -> bool {
        let mut enforced = true;
        for kind in KINDS {
            let budget = self.budgets.of(kind).clone();
            enforced &= !budget.is_exceeded() || self.reclaim(kind, &budget).await;
        }
        enforced
    }

    /// Visits the topics that have their first publication, and those in which something is due.
    async fn sweep(&mut self) {
        let now = Instant::now();
        for topics in self.arrivals.take().chunks(TOPICS_PER_TURN) {
            for topic in topics {
                self.visit(topic, now);
            }
            yield_now().await;
        }
        loop {
            for _ in 0..TOPICS_PER_TURN {
                let Some(topic) = self.schedule.pop_due(now) else {
                    return;
                };
                self.visit(&topic, now);
            }
            yield_now().await;
        }
    }

    /// Drops a topic's expired publications, and forgets the topic if it is idle.
    fn visit(&mut self, topic: &Arc<Topic>, now: Instant) {
        let review = topic.with_log(|log| log.review(now, self.position_ttl));
        // One without a log has been forgotten.
        if let Some((before, due)) = review {
            self.schedule.set(topic, before, due);
            self.forget_if_idle(topic, self.position_ttl);
        }
    }

    /// Reduces the histories to seven eighths of their budget, so that the next publication does
    /// not exceed it again. Returns false if that much could not be freed.
    async fn reclaim(&mut self, kind: TopicKind, budget: &Budget) -> bool {
        let goal = budget.max() / 8 * 7;
        let mut payers = by_owner(&self.schedule, kind).await;
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
    async fn forget_positions(&mut self, payers: Vec<Holding>, budget: &Budget, goal: usize) {
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

    fn forget_if_idle(&mut self, topic: &Arc<Topic>, ttl: Duration) {
        let due = topic.with_log(|log| log.due()).flatten();
        if topic.retire_if_idle(ttl, || self.registry.next_epoch(topic.kind())) {
            self.registry.remove_topic(topic);
            self.schedule.remove(topic, due);
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
