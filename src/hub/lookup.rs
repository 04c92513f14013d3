//! Looking up clients and topics, one by one and in pages.

use std::sync::Arc;

use uuid::Uuid;

use super::Hub;
use super::client::Client;
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
