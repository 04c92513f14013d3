//! Broadcasts and publications, and the history that publications leave.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::dispatch::{Broadcast, Retry};
use super::shard::{HubClosed, Permits};
use super::topic::Topic;
use crate::history::Page;
use crate::protocol::{HistoryRequest, StreamTop, TopicKind};
use crate::wire::Frame;

/// What became of a publication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The number of members it was sent to.
    pub members: usize,
    /// Its position, if the topic keeps a history.
    pub position: Option<StreamTop>,
}

/// A page of a topic's history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// The topic's newest position.
    pub top: StreamTop,
    /// The publications, with their offsets, oldest first.
    pub page: Page<Frame>,
}

/// One publication on its way into a topic: what it is encoded as, and as a frame without
/// an offset.
#[derive(Debug, Clone, Copy)]
struct Publication<'a> {
    encoded: &'a str,
    frame: &'a Frame,
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
            let mut permits = self.mailboxes.reserve(|shard| told[shard]).await?;
            let excluded = exclude.map(|client| client.memberships.lock());
            if let Ok(members) = topic.broadcast(&mut permits, frame, exclude) {
                self.metrics.broadcasts_total.add(1);
                let left_out = excluded.is_some_and(|excluded| excluded.contains(topic));
                return Ok(members - usize::from(left_out));
            }
        }
    }

    /// Publishes to a topic: the publication gets an offset and is kept, if the topic keeps a
    /// history, and goes to the members. `encoded` is what the dialect makes frames from. A
    /// publisher that is a member gets `ack` instead of the publication.
    ///
    /// Ordering: one order a topic, the same for all members and in the history.
    /// Backpressure: waits for places in the mailboxes of the shards that have members.
    /// Cancel safety: the message is published entirely or not at all.
    pub async fn publish(
        &self,
        kind: TopicKind,
        name: &Arc<str>,
        encoded: &Arc<str>,
        publisher: Option<&Arc<Client>>,
        ack: impl Fn(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, HubClosed> {
        let frame = self.dialect.publication(encoded);
        let frame = &frame;
        let publication = Publication { encoded, frame };
        if self.budget.is_exceeded() {
            // The sweeper gets a turn to make room.
            tokio::task::yield_now().await;
        }
        loop {
            let known = self.registry.topic(kind, name);
            let told = known.map(|topic| topic.shards_with_members());
            let wanted = |shard: usize| told.as_ref().is_some_and(|told| told[shard]);
            let mut permits = self.mailboxes.reserve(wanted).await?;
            // Nothing waits from here on: a topic is not made in vain.
            let Some(topic) = self.topic_to_publish(kind, name) else {
                return Ok(Accepted::default());
            };
            let excluded = publisher.map(|client| client.memberships.lock());
            let accepted = self.publish_in(&topic, &mut permits, publication, publisher, &ack);
            if let Ok(mut accepted) = accepted {
                self.metrics.broadcasts_total.add(1);
                let left_out = excluded.is_some_and(|excluded| excluded.contains(&topic));
                accepted.members -= usize::from(left_out);
                return Ok(accepted);
            }
            drop(excluded);
            self.forget_if_unused(&topic);
        }
    }

    /// Accepts a publication: gives it its offset, keeps it and puts it into the mailbox of
    /// each shard that has members.
    fn publish_in(
        &self,
        topic: &Topic,
        permits: &mut Permits<'_>,
        Publication { encoded, frame }: Publication<'_>,
        publisher: Option<&Arc<Client>>,
        ack: impl FnOnce(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, Retry> {
        let mut state = topic.state.lock();
        if state.stream.retired {
            return Err(Retry);
        }
        state.check_permits(permits, None)?;
        state.stream.publications += 1;
        let sequenced = state
            .stream
            .log
            .as_mut()
            .map(|log| log.append(|offset| self.dialect.sequenced(encoded, offset)));
        let accepted = Accepted {
            members: state.audience.members(),
            position: state.stream.top(),
        };
        let ack = ack(&accepted);
        let broadcast = Broadcast {
            sequenced: sequenced.as_ref(),
            is_publication: true,
            exclude: publisher.map(|client| (client, ack.as_ref())),
            ..Broadcast::notice(frame)
        };
        state.dispatch(topic.id(), permits, broadcast);
        Ok(accepted)
    }

    /// The topic of this name. Without members there is none, unless it keeps a history.
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
            topic.with_log(|log| HistoryPage {
                top: log.top(),
                page: log.page(request, max_bytes),
            })
        });
        known.or_else(|| {
            // What nobody uses yet, or was just forgotten, begins like this.
            self.registry.rules().options(kind, name).history?;
            Some(HistoryPage {
                top: StreamTop {
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

impl Topic {
    /// Puts a notice into the mailbox of each shard that has members and returns the number
    /// of members. It gets no offset and is not kept.
    fn broadcast(
        &self,
        permits: &mut Permits<'_>,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, Retry> {
        let mut state = self.state.lock();
        state.check_permits(permits, None)?;
        state.stream.publications += 1;
        let broadcast = Broadcast {
            exclude: exclude.map(|client| (client, None)),
            ..Broadcast::notice(frame)
        };
        state.dispatch(self.id(), permits, broadcast);
        Ok(state.audience.members())
    }
}
