//! Forgetting: messages that are too old, topics nobody has used for long, and, when all
//! histories together are too large, the oldest messages wherever they are.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::budget::Budget;
use super::topic_log::TopicLog;
use crate::hub::options::HubOptions;
use crate::hub::registry::Registry;
use crate::hub::topic::Topic;
use crate::protocol::TopicKind;

/// Topics looked at before other tasks of the worker get a turn.
const TOPICS_PER_TURN: usize = 256;
/// Steps by which the age that is still kept is halved when there is too much.
const STEPS: i32 = 16;

/// Rounds within the shortest time that something is kept.
const ROUNDS: u32 = 8;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);
/// Longest pause when there was nothing more to forget.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::hub) struct Sweeper {
    registry: Arc<Registry>,
    budget: Arc<Budget>,
    /// How long an unused topic's position is remembered.
    position_ttl: Duration,
    /// Time between two rounds.
    interval: Duration,
}

impl Sweeper {
    /// Starts a sweeper if any topic keeps a history; it stops when the guard is dropped.
    pub(in crate::hub) fn start(
        registry: &Arc<Registry>,
        budget: &Arc<Budget>,
        options: &HubOptions,
        tasks: &TaskTracker,
    ) -> Option<DropGuard> {
        let position_ttl = options.retention.position_ttl;
        let ages = options.topics.histories().map(|limits| limits.max_age);
        let shortest = ages.min()?.min(position_ttl);
        let sweeper = Self {
            registry: registry.clone(),
            budget: budget.clone(),
            position_ttl,
            interval: (shortest / ROUNDS).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
        };
        let stop = CancellationToken::new();
        tasks.spawn(sweeper.run(stop.clone()));
        Some(stop.drop_guard())
    }

    async fn run(self, stop: CancellationToken) {
        let rounds = async {
            loop {
                tokio::select! {
                    () = sleep(self.interval) => {}
                    () = self.budget.exceeded() => {}
                }
                self.expire().await;
                if self.budget.is_exceeded() && !self.make_room().await {
                    // The rest has members. Each publication would only find that again.
                    sleep(self.interval.min(LONGEST_PAUSE)).await;
                }
            }
        };
        stop.run_until_cancelled(rounds).await;
    }

    /// Topics with a past.
    fn topics(&self) -> Vec<Arc<Topic>> {
        let mut topics = self.registry.topics(TopicKind::Channel);
        topics.extend(self.registry.topics(TopicKind::Room));
        topics.retain(|topic| topic.with_log(|_| ()).is_some());
        topics
    }

    async fn expire(&self) {
        for topics in self.topics().chunks(TOPICS_PER_TURN) {
            for topic in topics {
                topic.with_log(TopicLog::expire);
                self.forget_unless_used(topic, self.position_ttl);
            }
            yield_now().await;
        }
    }

    /// Brings the histories to seven eighths of their bound, so that this is not needed
    /// again at the next publication. False when there was not so much to forget.
    async fn make_room(&self) -> bool {
        let enough = self.budget.max() / 8 * 7;
        let topics = self.topics();
        let oldest = topics
            .iter()
            .filter_map(|topic| topic.with_log(|log| log.oldest_at())?)
            .min();
        // Positions alone may be too much.
        let age = oldest.map_or(Duration::ZERO, |oldest| oldest.elapsed());
        let steps = if oldest.is_some() { STEPS } else { 0 };
        for step in 1..=steps {
            // The last step keeps nothing.
            let kept = if step == STEPS {
                Duration::ZERO
            } else {
                age.div_f64(f64::from(2_i32.pow(step as u32)))
            };
            for topics in topics.chunks(TOPICS_PER_TURN) {
                if self.budget.used() <= enough {
                    return true;
                }
                let now = Instant::now();
                let cutoff = now.checked_sub(kept).unwrap_or(now);
                for topic in topics {
                    topic.with_log(|log| log.drop_before(cutoff));
                }
                yield_now().await;
            }
        }
        self.forget_oldest(topics, enough).await;
        self.budget.used() <= enough
    }

    /// What remains are topics without messages: the one unused for longest goes first.
    async fn forget_oldest(&self, mut topics: Vec<Arc<Topic>>, enough: usize) {
        topics.sort_by_cached_key(|topic| topic.with_log(|log| log.used_at));
        for topics in topics.chunks(TOPICS_PER_TURN) {
            for topic in topics {
                if self.budget.used() <= enough {
                    return;
                }
                self.forget_unless_used(topic, Duration::ZERO);
            }
            yield_now().await;
        }
    }

    fn forget_unless_used(&self, topic: &Arc<Topic>, ttl: Duration) {
        if topic.retire_if_idle(ttl, || self.registry.next_epoch()) {
            self.registry.remove_topic(topic);
        }
    }
}
