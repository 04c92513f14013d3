//! Becoming a member, ceasing to be one, and disconnecting.
//!
//! Locks: a client's memberships, then a topic's state; never across a wait.

use std::sync::Arc;

use super::mailbox::{Entry, Places};
use super::topic::{Again, JoinOutcome};
use super::{Client, Hub, HubClosed, Topic, TopicKind};
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
    /// `announce` says. Its connection stays until [`Hub::release`]. Once only; a second
    /// call does nothing.
    ///
    /// Cancel safety: none; run it to its end.
    pub async fn disconnect(
        &self,
        client: &Arc<Client>,
        announce: impl Fn(&Topic) -> Option<Frame>,
    ) -> Result<(), HubClosed> {
        let topics = {
            let mut memberships = client.memberships.lock();
            if std::mem::replace(&mut memberships.ended, true) {
                return Ok(());
            }
            std::mem::take(&mut memberships.topics)
        };
        if client.is_attached() {
            self.everyone.count_connection(client.shard, -1, || ());
        }
        self.registry.remove_client(client);
        for topic in topics {
            let announcement = announce(&topic);
            self.end_membership(client, &topic, None, announcement.as_ref())
                .await?;
        }
        Ok(())
    }

    /// Makes a client a member of a topic, which is created if it is not there, and
    /// returns how many members there are. Joining twice is harmless: the client is told
    /// again, the others are not.
    ///
    /// Ordering: the client gets `ack` before anything of the topic; the others get
    /// `announce` before anything the client says there.
    /// Backpressure: waits for places in mailboxes.
    /// Cancel safety: the client is a member entirely or not at all.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        kind: TopicKind,
        name: &Arc<str>,
        max_members: usize,
        ack: impl Fn(usize) -> Option<Frame>,
        announce: Option<&Frame>,
    ) -> Result<usize, JoinError> {
        loop {
            let topic = self.registry.topic_or_new(kind, name);
            let outcome = self
                .try_join(client, &topic, max_members, &ack, announce)
                .await;
            match outcome {
                Ok(Ok(JoinOutcome::Joined(members))) => return Ok(members),
                Ok(Err(Again)) => {
                    // A retired topic leaves the registry here or where it was retired.
                    self.forget_if_empty(&topic);
                }
                Ok(Ok(JoinOutcome::Full)) => {
                    self.forget_if_empty(&topic);
                    return Err(JoinError::Full);
                }
                Err(error) => {
                    self.forget_if_empty(&topic);
                    return Err(error);
                }
            }
        }
    }

    async fn try_join(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        max_members: usize,
        ack: &impl Fn(usize) -> Option<Frame>,
        announce: Option<&Frame>,
    ) -> Result<Result<JoinOutcome, Again>, JoinError> {
        let told = announce.map(|_| topic.shards_with_members());
        let wanted = |shard| shard == client.shard || told.as_ref().is_some_and(|told| told[shard]);
        let mut places = self.mailboxes.reserve(wanted).await?;
        let mut memberships = client.memberships.lock();
        if memberships.ended {
            return Err(JoinError::Disconnected);
        }
        if memberships.position(topic).is_some() {
            let members = topic.members();
            if let Some(frame) = ack(members) {
                let client = client.clone();
                places.send(client.shard, Entry::Send { client, frame });
            }
            return Ok(Ok(JoinOutcome::Joined(members)));
        }
        if memberships.topics.len() >= self.max_topics_per_client {
            return Err(JoinError::TooManyTopics);
        }
        let outcome = topic.join(client, &mut places, max_members, ack, announce);
        if let Ok(JoinOutcome::Joined(_)) = outcome {
            memberships.topics.push(topic.clone());
        }
        Ok(outcome)
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
        loop {
            let mut places = self.places_to_leave(client, &topic, announce).await?;
            let mut memberships = client.memberships.lock();
            let position = memberships.position(&topic).ok_or(LeaveError::NotAMember)?;
            if topic.leave(client, &mut places, ack, announce).is_ok() {
                memberships.topics.swap_remove(position);
                drop(memberships);
                self.forget_if_empty(&topic);
                return Ok(());
            }
        }
    }

    /// Ends a membership that was already taken from the client's own list.
    async fn end_membership(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        ack: Option<&Frame>,
        announce: Option<&Frame>,
    ) -> Result<(), HubClosed> {
        loop {
            let mut places = self.places_to_leave(client, topic, announce).await?;
            if topic.leave(client, &mut places, ack, announce).is_ok() {
                self.forget_if_empty(topic);
                return Ok(());
            }
        }
    }

    async fn places_to_leave(
        &self,
        client: &Client,
        topic: &Topic,
        announce: Option<&Frame>,
    ) -> Result<Places<'_>, HubClosed> {
        let told = announce.map(|_| topic.shards_with_members());
        self.mailboxes
            .reserve(|shard| shard == client.shard || told.as_ref().is_some_and(|told| told[shard]))
            .await
    }

    fn forget_if_empty(&self, topic: &Arc<Topic>) {
        if topic.retire_if_empty() {
            self.registry.remove_topic(topic);
        }
    }
}
