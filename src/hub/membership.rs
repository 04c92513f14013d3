//! Joining and leaving.
//!
//! Locks: a client's memberships, then a topic's state. Neither is held across an await.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::dispatch::Retry;
use super::forms::Forms;
use super::joining::{JoinOptions, Joined};
use super::shard::{HubClosed, Permits};
use super::topic::Topic;
use super::topic_membership::{JoinOutcome, Records};
use crate::dialect::Source;
use crate::limits::Limit;
use crate::protocol::{Resumption, TopicKind};
use crate::wire::Frame;

/// Why a client could not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The topic has its maximum number of members.
    #[error("the room is full")]
    Full,
    /// The client is in its maximum number of topics and has to leave one first, or the topic is new
    /// and all clients together are in the maximum number.
    #[error("too many rooms and channels")]
    TooManyTopics,
    /// The client has disconnected.
    #[error("the client has disconnected")]
    Disconnected,
    /// The mailbox of a shard involved stayed full until the caller's deadline. The client has
    /// not joined.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The hub has shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}

/// Why a client could not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaveError {
    /// The client is not a member.
    #[error("the client is not a member")]
    NotAMember,
    /// The mailbox of a shard involved stayed full until the caller's deadline. The client is
    /// still a member.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The hub has shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}

impl Hub {
    /// Makes a client a member of a topic, which is created if it does not exist, and
    /// returns the number of members. Joining again is harmless: the client gets another
    /// `ack`, the others are not told.
    ///
    /// Ordering: the client gets `ack` before anything else of the topic, then the replay,
    /// then live publications; the others get `announce` before any message of the client.
    /// Backpressure: waits while the mailbox of a shard involved is full. It sets no deadline of
    /// its own.
    /// Cancel safety: the client has joined completely or not at all.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &Arc<str>,
        options: JoinOptions<'_>,
        ack: impl Fn(usize, Option<&Resumption>) -> Option<Frame>,
    ) -> Result<usize, JoinError> {
        let ack = |joined: Joined<'_>| ack(joined.members, joined.resumption);
        self.join_and_tell(client, kind, name, options, ack).await
    }

    /// The same, with an `ack` that can say who is present. They are those at the moment of the join:
    /// every change after it is announced to a client that is told of them.
    pub async fn join_and_tell(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &Arc<str>,
        options: JoinOptions<'_>,
        ack: impl Fn(Joined<'_>) -> Option<Frame>,
    ) -> Result<usize, JoinError> {
        let announce = options.announce.map(|source| Forms::notice(source.clone()));
        let announce = announce.as_ref();
        loop {
            let others = announce
                .and_then(|_| self.registry.topic(kind, name))
                .map(|topic| topic.members_by_shard());
            let mut permits = self
                .permits_with_own(client, others.as_deref(), announce)
                .await?;
            // Nothing awaits from here on: a join cancelled later would leave an empty topic.
            let topic = self.registry.topic_or_new(kind, name);
            let joined = self.try_join(client, &topic, &mut permits, (options, announce), &ack);
            if !matches!(joined, Ok(Ok(_))) {
                // Either newly created and unused, or retired but still in the registry.
                self.forget_if_unused(&topic);
            }
            if let Ok(joined) = joined {
                return joined;
            }
        }
    }

    fn try_join(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        permits: &mut Permits<'_>,
        (options, announce): (JoinOptions<'_>, Option<&Arc<Forms>>),
        ack: &impl Fn(Joined<'_>) -> Option<Frame>,
    ) -> Result<Result<usize, JoinError>, Retry> {
        let mut memberships = client.memberships.lock();
        if memberships.ended {
            return Ok(Err(JoinError::Disconnected));
        }
        let records = self.records();
        if memberships.position(topic).is_some() {
            let members = topic.join_again(client, permits, options, ack, records);
            return Ok(Ok(members));
        }
        // That of its user, which it did not ask for, does not count.
        let own = usize::from(client.user().is_some());
        if memberships.topics.len() >= self.max_topics_per_client.saturating_add(own) {
            self.metrics.limited.count(Limit::TopicsPerClient);
            return Ok(Err(JoinError::TooManyTopics));
        }
        match topic.join(client, permits, (options, announce), ack, records)? {
            JoinOutcome::Joined(members) => {
                memberships.topics.push(topic.clone());
                Ok(Ok(members))
            }
            JoinOutcome::Full => Ok(Err(JoinError::Full)),
            JoinOutcome::TooManyTopics => {
                self.metrics.limited.count(Limit::Topics);
                Ok(Err(JoinError::TooManyTopics))
            }
        }
    }

    /// Ends a membership. An empty topic disappears.
    ///
    /// Ordering: `ack` is the last frame that the client receives from the topic.
    /// Backpressure: waits while the mailbox of a shard involved is full. It sets no deadline of
    /// its own.
    /// Cancel safety: the membership has ended completely or not at all.
    pub async fn leave(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &str,
        ack: Option<&Frame>,
        announce: Option<&Arc<dyn Source>>,
    ) -> Result<(), LeaveError> {
        let topic = self
            .registry
            .topic(kind, name)
            .ok_or(LeaveError::NotAMember)?;
        let announce = announce.map(|source| Forms::notice(source.clone()));
        self.end_membership(client, &topic, ack, announce.as_ref())
            .await
    }

    /// Ends one membership.
    ///
    /// Cancel safety: as for [`leave`](Self::leave).
    pub(super) async fn end_membership(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        ack: Option<&Frame>,
        announce: Option<&Arc<Forms>>,
    ) -> Result<(), LeaveError> {
        loop {
            let others = announce.map(|_| topic.members_by_shard());
            let mut permits = self
                .permits_with_own(client, others.as_deref(), announce)
                .await?;
            let mut memberships = client.memberships.lock();
            let position = memberships.position(topic).ok_or(LeaveError::NotAMember)?;
            let left = topic.leave(client, &mut permits, ack, announce, self.records());
            if left.is_ok() {
                memberships.topics.swap_remove(position);
                drop(memberships);
                self.forget_if_unused(topic);
                return Ok(());
            }
        }
    }

    fn records(&self) -> Records<'_> {
        Records {
            notifier: &self.notifier,
            occupied: self.registry.occupied(),
            announcements: &self.announcements,
        }
    }

    /// Reserves permits for the client's own shard and for those of the `others`.
    async fn permits_with_own(
        &self,
        client: &Client,
        others: Option<&[u32]>,
        announce: Option<&Arc<Forms>>,
    ) -> Result<Permits<'_>, HubClosed> {
        let members = |shard: usize| {
            let others = others.map_or(0, |others| others[shard] as usize);
            let own = usize::from(shard == client.shard);
            (own + others > 0).then_some(own + others)
        };
        self.mailboxes
            .reserve(members, announce.map_or(0, |forms| forms.len()))
            .await
    }

    /// Removes the topic from the registry if nobody is in it and it has nothing to keep.
    pub(super) fn forget_if_unused(&self, topic: &Arc<Topic>) {
        if topic.retire_if_unused() {
            self.registry.remove_topic(topic);
        }
    }
}
