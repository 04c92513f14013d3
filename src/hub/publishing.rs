//! Broadcasting, publishing, and reading the history that publications leave.

use std::sync::Arc;

use uuid::Uuid;

use super::Hub;
use super::client::Client;
use super::dispatch::{Broadcast, Retry};
use super::forms::Forms;
use super::log::{Arrivals, Kept, LazyLog, OutOfOrder};
use super::numbering::Numbering;
use super::shard::{HubClosed, Permits};
use super::topic::Topic;
use crate::dialect::Source;
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
    pub page: Page<Kept>,
}

impl HistoryPage {
    /// The page of a topic to which nothing was published.
    fn empty(top: StreamTop) -> Self {
        let page = Page {
            first: 1,
            items: Vec::new(),
            more: false,
        };
        Self { top, page }
    }
}

/// A publication to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// What its forms are made from.
    pub source: &'a Arc<dyn Source>,
    /// Its offset, if it was numbered elsewhere; it has to be the next one. Otherwise the topic
    /// numbers it.
    pub offset: Option<u64>,
    /// The client that it comes from, wherever that is connected. If it is a member, it receives the
    /// acknowledgement instead of the publication.
    pub origin: Option<Uuid>,
}

/// Why a publication was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Its offset is not the next one.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// The hub has shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}

/// How accepting a publication ended under the topic's lock.
enum Stop {
    Retry,
    /// The histories have been saved.
    Closed,
    OutOfOrder(OutOfOrder),
}

impl From<Retry> for Stop {
    fn from(_: Retry) -> Self {
        Self::Retry
    }
}

impl Hub {
    /// Broadcasts a notice to a topic's members except the client `exclude`, and returns the number
    /// of recipients: 0 if the topic does not exist. A notice gets no offset and is not kept.
    ///
    /// Ordering: all members receive a topic's broadcasts in the same order.
    /// Backpressure: waits while the mailbox of a shard with members is full. It sets no deadline
    /// of its own.
    /// Cancel safety: the notice is sent to all recipients or to none.
    pub async fn broadcast(
        &self,
        kind: TopicKind,
        name: &str,
        source: &Arc<dyn Source>,
        exclude: Option<Uuid>,
    ) -> Result<usize, HubClosed> {
        match self.registry.topic(kind, name) {
            Some(topic) => self.broadcast_in(&topic, source, exclude).await,
            None => Ok(0),
        }
    }

    /// Broadcasts a notice to every connection and returns the number of connections.
    ///
    /// Ordering, backpressure and cancel safety: as for [`Hub::broadcast`].
    pub async fn broadcast_to_everyone(
        &self,
        source: &Arc<dyn Source>,
    ) -> Result<usize, HubClosed> {
        self.broadcast_in(&self.everyone, source, None).await
    }

    async fn broadcast_in(
        &self,
        topic: &Topic,
        source: &Arc<dyn Source>,
        exclude: Option<Uuid>,
    ) -> Result<usize, HubClosed> {
        let forms = Forms::notice(source.clone());
        let exclude = exclude.and_then(|id| self.registry.client(id));
        loop {
            let members = topic.members_by_shard();
            let mut permits = self
                .mailboxes
                .reserve(|shard| wanted(members[shard]), forms.len())
                .await?;
            let excluded = exclude.as_ref().map(|client| client.memberships.lock());
            if let Ok(members) = topic.broadcast(&mut permits, &forms, exclude.as_ref()) {
                self.metrics.broadcasts_total.add(1);
                let is_excluded = excluded.is_some_and(|excluded| excluded.contains(topic));
                return Ok(members - usize::from(is_excluded));
            }
        }
    }

    /// Publishes to a topic. If the topic keeps a history, the publication gets an offset and
    /// is kept. The client `origin` receives `ack` instead of the publication, if it is a member.
    ///
    /// Ordering: all members receive a topic's publications in the same order, which is also
    /// the order of its history.
    /// Backpressure: waits while the mailbox of a shard with members is full. It sets no deadline
    /// of its own.
    /// Cancel safety: the message is published completely or not at all.
    pub async fn publish(
        &self,
        kind: TopicKind,
        name: &Arc<str>,
        source: &Arc<dyn Source>,
        origin: Option<Uuid>,
        ack: impl Fn(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, HubClosed> {
        let delivery = Delivery {
            source,
            offset: None,
            origin,
        };
        match self.deliver(kind, name, delivery, ack).await {
            Ok(accepted) => Ok(accepted),
            Err(DeliveryError::Closed(closed)) => Err(closed),
            // Only an offset from elsewhere can be refused, and there is none.
            Err(DeliveryError::OutOfOrder(_)) => unreachable!("the topic gave it its offset"),
        }
    }

    /// Accepts a publication, which may have been numbered elsewhere.
    ///
    /// Ordering, backpressure and cancel safety: as for [`Hub::publish`].
    /// Errors: with an offset that is not the next one, nothing happens.
    pub async fn deliver(
        &self,
        kind: TopicKind,
        name: &Arc<str>,
        delivery: Delivery<'_>,
        ack: impl Fn(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, DeliveryError> {
        if self.is_for_nobody(kind, name) {
            return Ok(Accepted::default());
        }
        let plain = delivery.source.plain();
        let origin = delivery.origin.and_then(|id| self.registry.client(id));
        if self.budgets.of(kind).is_exceeded() {
            // Give the sweeper a chance to free memory.
            tokio::task::yield_now().await;
        }
        loop {
            let known = self.registry.topic(kind, name);
            let members = known.as_ref().map(|topic| topic.members_by_shard());
            let members = |shard: usize| wanted(members.as_ref()?[shard]);
            let mut permits = self.mailboxes.reserve(members, plain.len()).await?;
            // Nothing awaits from here on: a publish cancelled later would leave an unused topic.
            let Some(topic) = known.or_else(|| self.topic_with_history(kind, name)) else {
                return Ok(Accepted::default());
            };
            let excluded = origin.as_ref().map(|client| client.memberships.lock());
            let publication = (delivery, &plain, origin.as_ref());
            let log = (&*self.arrivals, &self.numbering);
            match topic.accept(&mut permits, log, publication, &ack) {
                Ok(mut accepted) => {
                    self.metrics.broadcasts_total.add(1);
                    let is_excluded = excluded.is_some_and(|excluded| excluded.contains(&topic));
                    accepted.members -= usize::from(is_excluded);
                    return Ok(accepted);
                }
                Err(stop) => {
                    drop(excluded);
                    self.forget_if_unused(&topic);
                    match stop {
                        Stop::Retry => {}
                        Stop::Closed => return Err(HubClosed.into()),
                        Stop::OutOfOrder(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    /// Whether the topic has no members and keeps nothing. Then a publication is not even encoded: many
    /// are for users who are not there.
    fn is_for_nobody(&self, kind: TopicKind, name: &Arc<str>) -> bool {
        let is_unused = self.registry.topic(kind, name).is_none();
        is_unused && self.registry.rules().options(kind, name).history.is_none()
    }

    /// A topic that nobody was in when it was looked up. It is created if it keeps a history.
    fn topic_with_history(&self, kind: TopicKind, name: &Arc<str>) -> Option<Arc<Topic>> {
        let history = self.registry.rules().options(kind, name).history;
        history.map(|_| self.registry.topic_or_new(kind, name))
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
            match &mut topic.state.lock().stream.log {
                LazyLog::None => None,
                LazyLog::Blank(blank) => Some(HistoryPage::empty(blank.top(name))),
                LazyLog::Kept(log) => Some(HistoryPage {
                    top: log.top(),
                    page: log.page(request, max_bytes),
                }),
            }
        });
        known.or_else(|| {
            // Nobody has used the topic yet, or it was just forgotten: report what a new topic
            // would begin with.
            self.registry.rules().options(kind, name).history?;
            Some(HistoryPage::empty(StreamTop {
                offset: 0,
                epoch: self.registry.epoch(kind, name),
            }))
        })
    }
}

impl Topic {
    /// Accepts a publication: assigns its offset, keeps it, and puts it into the mailbox of
    /// every shard that has members.
    fn accept(
        self: &Arc<Self>,
        permits: &mut Permits<'_>,
        (arrivals, numbering): (&Arrivals, &Numbering),
        (delivery, plain, origin): (Delivery<'_>, &Frame, Option<&Arc<Client>>),
        ack: impl FnOnce(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, Stop> {
        let Delivery { source, offset, .. } = delivery;
        let mut state = self.state.lock();
        if state.stream.retired {
            return Err(Stop::Retry);
        }
        state.check_permits(permits, None)?;
        let mut sequenced = None;
        if !matches!(state.stream.log, LazyLog::None) {
            // First, so that a refused publication changes nothing.
            if numbering.is_closed() {
                return Err(Stop::Closed);
            }
        }
        if let Some(log) = state.stream.log.begin(self.id(), self.name()) {
            if let Some(offset) = offset {
                log.accepts(offset).map_err(Stop::OutOfOrder)?;
            }
            if let Some(origin) = origin {
                log.begin(|| origin.owner());
            }
            arrivals.note(self, log);
            sequenced = Some(log.append(source, plain));
        }
        state.stream.publications += 1;
        let accepted = Accepted {
            members: state.audience.members(),
            position: state.stream.top(),
        };
        let ack = ack(&accepted);
        let forms = Forms::new(source.clone(), plain.clone(), sequenced);
        let broadcast = Broadcast {
            is_publication: true,
            exclude: origin.map(|client| (client, ack.as_ref())),
            ..Broadcast::notice(&forms)
        };
        state.dispatch(self.id(), permits, broadcast);
        Ok(accepted)
    }

    /// Puts a notice into the mailbox of every shard that has members and returns the number
    /// of members. A notice gets no offset and is not kept.
    fn broadcast(
        &self,
        permits: &mut Permits<'_>,
        forms: &Arc<Forms>,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, Retry> {
        let mut state = self.state.lock();
        state.check_permits(permits, None)?;
        state.stream.publications += 1;
        let broadcast = Broadcast {
            exclude: exclude.map(|client| (client, None)),
            ..Broadcast::notice(forms)
        };
        state.dispatch(self.id(), permits, broadcast);
        Ok(state.audience.members())
    }
}

/// The members that a permit is for; none where there are none.
fn wanted(members: u32) -> Option<usize> {
    (members > 0).then_some(members as usize)
}
