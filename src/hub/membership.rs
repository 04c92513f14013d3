//! Becoming a member, ceasing to be one, and disconnecting.
//!
//! Locks: a client's memberships, then a topic's state; never across a wait.

use std::sync::Arc;

use super::mailbox::Places;
use super::topic::{Again, JoinOutcome};
use super::{Client, Hub, HubClosed, Joining, Resumption, Topic, TopicKind};
use crate::wire::Frame;

/// Why a client did not become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The topic has as many members as it may have.
    #[error("the room is full")]
    Full,
    /// The client is in as many topics as it may be; leave one first.
    #[error("the client is in too many rooms and channels")]
    TooManyTopics,
    /// The client has disconnected.
    #[error("the client has disconnected")]
    Disconnected,
    /// The hub was shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}

/// Why a membership did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaveError {
    /// The client is no member.
    #[error("the client is not a member")]
    NotAMember,
    /// The hub was shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}

impl Hub {
    /// Ends a client's memberships and forgets it; the others of each topic are told what
    /// `announce` says, once. Its connection stays until [`Hub::release`]. Whoever calls
    /// this a second time helps the first: when either returns, every membership has ended.
    ///
    /// Cancel safety: what was not done yet is done by the next call.
    pub async fn disconnect(
        &self,
        client: &Arc<Client>,
        announce: impl Fn(&Topic) -> Option<Frame>,
    ) -> Result<(), HubClosed> {
        let ended_before = std::mem::replace(&mut client.memberships.lock().ended, true);
        if !ended_before {
            if client.is_attached() {
                self.everyone.count_connection(client.shard, -1, || ());
            }
            self.registry.remove_client(client);
        }
        while let Some(topic) = client.any_topic() {
            let announcement = announce(&topic);
            match self
                .end_membership(client, &topic, None, announcement.as_ref())
                .await
            {
                // Not a member: somebody else has just ended it.
                Ok(()) | Err(LeaveError::NotAMember) => {}
                Err(LeaveError::Closed(closed)) => return Err(closed),
            }
        }
        Ok(())
    }

    /// Makes a client a member of a topic, which is created if it is not there, and
    /// returns how many members there are. Joining twice is harmless: the client is told
    /// again, the others are not.
    ///
    /// Ordering: the client gets `ack` before anything of the topic, then what it wanted of the
    /// past, then what is published from now on; the others get `announce` before anything
    /// the client says there.
    /// Backpressure: waits for places in mailboxes.
    /// Cancel safety: the client is a member entirely or not at all.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &Arc<str>,
        joining: Joining<'_>,
        ack: impl Fn(usize, Option<&Resumption>) -> Option<Frame>,
    ) -> Result<usize, JoinError> {
        loop {
            let told = joining
                .announce
                .and_then(|_| self.registry.topic(kind, name))
                .map(|topic| topic.shards_with_members());
            let mut places = self.places_beside(client, told.as_deref()).await?;
            // Nothing waits from here on: dropped in a wait, a join would leave an empty topic.
            let topic = self.registry.topic_or_new(kind, name);
            let joined = self.try_join(client, &topic, &mut places, joining, &ack);
            if !matches!(joined, Ok(Ok(_))) {
                // Made for nothing, or retired and not yet out of the registry.
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
        places: &mut Places<'_>,
        joining: Joining<'_>,
        ack: &impl Fn(usize, Option<&Resumption>) -> Option<Frame>,
    ) -> Result<Result<usize, JoinError>, Again> {
        let mut memberships = client.memberships.lock();
        if memberships.ended {
            return Ok(Err(JoinError::Disconnected));
        }
        if memberships.position(topic).is_some() {
            let members = topic.join_again(client, places, joining.resume, ack);
            return Ok(Ok(members));
        }
        if memberships.topics.len() >= self.max_topics_per_client {
            return Ok(Err(JoinError::TooManyTopics));
        }
        match topic.join(client, places, joining, ack)? {
            JoinOutcome::Joined(members) => {
                memberships.topics.push(topic.clone());
                Ok(Ok(members))
            }
            JoinOutcome::Full => Ok(Err(JoinError::Full)),
        }
    }

    /// Ends a membership. An empty topic disappears.
    ///
    /// Ordering: the client gets `ack` and nothing of the topic after it.
    /// Cancel safety: the membership has ended entirely or not at all.
    pub async fn leave(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &str,
        ack: Option<&Frame>,
        announce: Option<&Frame>,
    ) -> Result<(), LeaveError> {
        let topic = self
            .registry
            .topic(kind, name)
            .ok_or(LeaveError::NotAMember)?;
        self.end_membership(client, &topic, ack, announce).await
    }

    async fn end_membership(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        ack: Option<&Frame>,
        announce: Option<&Frame>,
    ) -> Result<(), LeaveError> {
        loop {
            let told = announce.map(|_| topic.shards_with_members());
            let mut places = self.places_beside(client, told.as_deref()).await?;
            let mut memberships = client.memberships.lock();
            let position = memberships.position(topic).ok_or(LeaveError::NotAMember)?;
            if topic.leave(client, &mut places, ack, announce).is_ok() {
                memberships.topics.swap_remove(position);
                drop(memberships);
                self.forget_if_unused(topic);
                return Ok(());
            }
        }
    }

    /// Places in the mailbox of the client's shard and of those that are told.
    async fn places_beside(
        &self,
        client: &Client,
        told: Option<&[bool]>,
    ) -> Result<Places<'_>, HubClosed> {
        self.mailboxes
            .reserve(|shard| shard == client.shard || told.is_some_and(|told| told[shard]))
            .await
    }

    pub(super) fn forget_if_unused(&self, topic: &Arc<Topic>) {
        if topic.retire_if_unused() {
            self.registry.remove_topic(topic);
        }
    }
}
