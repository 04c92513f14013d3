//! Broadcasts and publications, and the history that publications leave.

use std::sync::Arc;

use super::joining::Accepted;
use super::past::Newest;
use super::{Client, Hub, HubClosed, Topic, TopicKind};
use crate::history::Page;
use crate::protocol::HistoryRequest;
use crate::wire::Frame;

/// A part of a topic's history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// Where the topic stands.
    pub newest: Newest,
    /// The publications, with their offsets, oldest first.
    pub page: Page<Frame>,
}

impl Hub {
    /// Broadcasts to a topic's members, but not to `exclude`, and returns to how many. A
    /// topic that is not there has none.
    ///
    /// Ordering: one order a topic, the same for all members.
    /// Backpressure: waits for places in the mailboxes of the shards that have members.
    /// Cancel safety: the frame goes to all or to none.
    pub async fn broadcast(
        &self,
        kind: TopicKind,
        name: &str,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, HubClosed> {
        match self.registry.topic(kind, name) {
            Some(topic) => self.broadcast_in(&topic, frame, exclude).await,
            None => Ok(0),
        }
    }

    /// Broadcasts to every connection and returns how many there are.
    pub async fn broadcast_to_everyone(&self, frame: &Frame) -> Result<usize, HubClosed> {
        self.broadcast_in(&self.everyone, frame, None).await
    }

    async fn broadcast_in(
        &self,
        topic: &Topic,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, HubClosed> {
        loop {
            let told = topic.shards_with_members();
            let mut places = self.mailboxes.reserve(|shard| told[shard]).await?;
            let excluded = exclude.map(|client| client.memberships.lock());
            if let Ok(members) = topic.broadcast(&mut places, frame, exclude) {
                self.metrics.broadcasts_total.add(1);
                let left_out = excluded.is_some_and(|excluded| excluded.contains(topic));
                return Ok(members - usize::from(left_out));
            }
        }
    }

    /// Publishes a message to a topic: it gets an offset and is remembered, if that is
    /// configured, and goes to the members. `message` is one JSON object. A publisher that
    /// is a member gets `ack` in the place of the message.
    ///
    /// Ordering: one order a topic, the same for all members and in the history.
    /// Backpressure: waits for places in the mailboxes of the shards that have members.
    /// Cancel safety: the message is published entirely or not at all.
    pub async fn publish(
        &self,
        kind: TopicKind,
        name: &Arc<str>,
        message: &Arc<str>,
        publisher: Option<&Arc<Client>>,
        ack: impl Fn(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, HubClosed> {
        let frame = Frame::text(message.clone());
        if self.budget.is_exceeded() {
            // The sweeper gets a turn to make room.
            tokio::task::yield_now().await;
        }
        loop {
            let known = self.registry.topic(kind, name);
            let told = known.map(|topic| topic.shards_with_members());
            let wanted = |shard: usize| told.as_ref().is_some_and(|told| told[shard]);
            let mut places = self.mailboxes.reserve(wanted).await?;
            // Nothing waits from here on: a topic is not made in vain.
            let Some(topic) = self.topic_to_publish(kind, name) else {
                return Ok(Accepted::default());
            };
            let excluded = publisher.map(|client| client.memberships.lock());
            match topic.publish(&mut places, (message, &frame), publisher, &ack) {
                Ok(mut accepted) => {
                    self.metrics.broadcasts_total.add(1);
                    let left_out = excluded.is_some_and(|excluded| excluded.contains(&topic));
                    accepted.members -= usize::from(left_out);
                    return Ok(accepted);
                }
                Err(_again) => {
                    drop(excluded);
                    self.forget_if_unused(&topic);
                }
            }
        }
    }

    /// The topic of this name. Without members there is none, unless it is to keep a history.
    fn topic_to_publish(&self, kind: TopicKind, name: &Arc<str>) -> Option<Arc<Topic>> {
        let topic = self.registry.topic(kind, name);
        topic.or_else(|| {
            let history = self.registry.rules().options(kind, name).history;
            history.map(|_| self.registry.topic_or_new(kind, name))
        })
    }

    /// A part of a topic's history, of at most `max_bytes`. `None` when the topic keeps none.
    pub fn history(
        &self,
        kind: TopicKind,
        name: &str,
        request: HistoryRequest,
        max_bytes: usize,
    ) -> Option<HistoryPage> {
        let known = self.registry.topic(kind, name).and_then(|topic| {
            topic.with_past(|past| HistoryPage {
                newest: past.newest(),
                page: past.page(request, max_bytes),
            })
        });
        known.or_else(|| {
            // What nobody uses yet, or was just forgotten, begins like this.
            self.registry.rules().options(kind, name).history?;
            Some(HistoryPage {
                newest: Newest {
                    offset: 0,
                    epoch: self.registry.epoch(),
                },
                page: Page {
                    first: 1,
                    items: Vec::new(),
                    more: false,
                },
            })
        })
    }
}
