//! Broadcasting, publishing, and reading the history that publications leave.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::dispatch::{Broadcast, Retry};
use super::shard::{HubClosed, Permits};
use super::topic::Topic;
use crate::history::Page;
use crate::protocol::{HistoryRequest, StreamTop, TopicKind};
use crate::wire::Frame;

/// An accepted publication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The number of members it is sent to.
    pub members: usize,
    /// Its position, if the topic keeps a history.
    pub position: Option<StreamTop>,
}

/// A page of a topic's history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// The topic's newest position.
    pub top: StreamTop,
    /// The publications with their offsets, oldest first.
    pub page: Page<Frame>,
}

/// A publication to be accepted: its encoded text, and its frame without an offset.
#[derive(Debug, Clone, Copy)]
struct Publication<'a> {
    encoded: &'a str,
    frame: &'a Frame,
}

impl Hub {
    /// Broadcasts a frame to a topic's members except `exclude`, and returns the number of
    /// recipients: 0 if the topic does not exist. The frame gets no offset and is not kept.
    ///
    /// Ordering: all members receive a topic's broadcasts in the same order.
    /// Backpressure: waits while the mailbox of a shard with members is full.
    /// Cancel safety: the frame is sent to all recipients or to none.
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

    /// Broadcasts a frame to every connection and returns the number of connections.
    ///
    /// Ordering, backpressure and cancel safety: as for [`Hub::broadcast`].
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
            let members = topic.members_by_shard();
            let mut permits = self
                .mailboxes
                .reserve(|shard| wanted(members[shard]), frame.len())
                .await?;
            let excluded = exclude.map(|client| client.memberships.lock());
            if let Ok(members) = topic.broadcast(&mut permits, frame, exclude) {
                self.metrics.broadcasts_total.add(1);
                let is_excluded = excluded.is_some_and(|excluded| excluded.contains(topic));
                return Ok(members - usize::from(is_excluded));
            }
        }
    }

    /// Publishes to a topic. If the topic keeps a history, the publication gets an offset and
    /// is kept. `encoded` is the text from which the dialect builds frames. A publisher that
    /// is a member receives `ack` instead of the publication.
    ///
    /// Ordering: all members receive a topic's publications in the same order, which is also
    /// the order of its history.
    /// Backpressure: waits while the mailbox of a shard with members is full.
    /// Cancel safety: the message is published completely or not at all.
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
        if self.budgets.of(kind).is_exceeded() {
            // Give the sweeper a chance to free memory.
            tokio::task::yield_now().await;
        }
        loop {
            let known = self.registry.topic(kind, name);
            let members = known.map(|topic| topic.members_by_shard());
            let members = |shard: usize| wanted(members.as_ref()?[shard]);
            let mut permits = self.mailboxes.reserve(members, frame.len()).await?;
            // Nothing awaits from here on: a publish cancelled later would leave an unused topic.
            let Some(topic) = self.topic_to_publish(kind, name) else {
                return Ok(Accepted::default());
            };
            let excluded = publisher.map(|client| client.memberships.lock());
            let accepted = self.publish_in(&topic, &mut permits, publication, publisher, &ack);
            if let Ok(mut accepted) = accepted {
                self.metrics.broadcasts_total.add(1);
                let is_excluded = excluded.is_some_and(|excluded| excluded.contains(&topic));
                accepted.members -= usize::from(is_excluded);
                return Ok(accepted);
            }
            drop(excluded);
            self.forget_if_unused(&topic);
        }
    }

    /// Accepts a publication: assigns its offset, keeps it, and puts it into the mailbox of
    /// every shard that has members.
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
        let sequenced = state.stream.log.as_mut().map(|log| {
            if let Some(publisher) = publisher {
                log.begin(|| publisher.owner());
            }
            log.append(|offset| self.dialect.sequenced(encoded, offset))
        });
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

    /// The topic to publish to. A topic that nobody is in is created only if it keeps a
    /// history.
    fn topic_to_publish(&self, kind: TopicKind, name: &Arc<str>) -> Option<Arc<Topic>> {
        let topic = self.registry.topic(kind, name);
        topic.or_else(|| {
            let history = self.registry.rules().options(kind, name).history;
            history.map(|_| self.registry.topic_or_new(kind, name))
        })
    }

    /// Reads a page of at most `max_bytes` from a topic's history. Returns `None` if the topic
    /// keeps no history.
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
            // Nobody has used the topic yet, or it was just forgotten: report what a new topic
            // would begin with.
            self.registry.rules().options(kind, name).history?;
            Some(HistoryPage {
                top: StreamTop {
                    offset: 0,
                    epoch: self.registry.epoch(kind),
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
    /// Puts a notice into the mailbox of every shard that has members and returns the number
    /// of members. A notice gets no offset and is not kept.
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

/// The members that a permit is for; none where there are none.
fn wanted(members: u32) -> Option<usize> {
    (members > 0).then_some(members as usize)
}
