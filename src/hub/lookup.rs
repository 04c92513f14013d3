//! Looking up clients and topics, one by one and in pages.

use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::Hub;
use super::client::Client;
use super::shard::{Entry, HubClosed};
use super::topic::Topic;
use crate::protocol::TopicKind;

impl Hub {
    /// The number of shards.
    pub fn shard_count(&self) -> usize {
        self.mailboxes.len()
    }

    /// The client with this id.
    pub fn client(&self, id: Uuid) -> Option<Arc<Client>> {
        self.registry.client(id)
    }

    /// The first `limit` clients with a connection after the id `after`, by id, and the number of
    /// all of them. A lock is held meanwhile, so `limit` should be small.
    pub fn attached_clients(&self, after: Option<Uuid>, limit: usize) -> (Vec<Arc<Client>>, usize) {
        self.registry.attached().page(after, limit)
    }

    /// The first `limit` topics of a kind after the name `after` that have members, by name,
    /// without the server's own channels, and the number of all of them. A lock is held
    /// meanwhile, so `limit` should be small.
    pub fn occupied_topics(
        &self,
        kind: TopicKind,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Arc<Topic>>, usize) {
        self.registry.occupied().page(kind, after, limit)
    }

    /// The first `limit` of the channels `$user:<id>` that have members, after the user `after`, by
    /// user, and the number of all of them. A lock is held meanwhile, so `limit` should be small.
    pub fn occupied_user_channels(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Arc<Topic>>, usize) {
        self.registry.occupied().page_of_users(after, limit)
    }

    /// The first `limit` members of a topic after the id `after`, by id. Each shard visits those that
    /// it has.
    ///
    /// Ordering: includes everyone who has joined before the call, and not yet left.
    /// Backpressure: waits while the mailbox of a shard with members is full.
    pub async fn members(
        &self,
        topic: &Topic,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Arc<Client>>, HubClosed> {
        let mut all = Vec::new();
        let by_shard = topic.members_by_shard();
        let shards = by_shard.iter().enumerate().filter(|&(_, &count)| count > 0);
        for (shard, _) in shards {
            let (reply, answer) = oneshot::channel();
            let entry = Entry::Members {
                topic: topic.id(),
                after,
                limit,
                reply,
            };
            self.send_entry(shard, entry).await?;
            all.extend(answer.await.map_err(|_| HubClosed)?);
        }
        all.sort_unstable_by_key(|client: &Arc<Client>| client.id());
        all.truncate(limit);
        Ok(all)
    }

    /// All clients, also those without a connection, for this project's own tests.
    #[cfg(feature = "internals")]
    pub fn clients(&self) -> Vec<Arc<Client>> {
        self.registry.clients()
    }

    /// The topic with this kind and name.
    pub fn topic(&self, kind: TopicKind, name: &str) -> Option<Arc<Topic>> {
        self.registry.topic(kind, name)
    }

    /// All topics of a kind, also those without members, for this project's own tests.
    #[cfg(feature = "internals")]
    pub fn topics(&self, kind: TopicKind) -> Vec<Arc<Topic>> {
        self.registry.topics(kind)
    }
}
