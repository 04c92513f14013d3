//! Look-up by id and name: the only user of the concurrent map.
//!
//! Locks: a map guard lives within one expression here. It is never returned, never held
//! while another module is called, and nothing in this file waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use uuid::Uuid;

use super::client::Client;
use super::log::{Budget, TopicLog};
use super::topic::{Topic, TopicId, TopicRules};
use crate::protocol::TopicKind;

#[derive(Debug)]
pub(super) struct Registry {
    clients: DashMap<Uuid, Arc<Client>>,
    rooms: DashMap<Arc<str>, Arc<Topic>>,
    channels: DashMap<Arc<str>, Arc<Topic>>,
    next_topic: AtomicU64,
    shards: usize,
    rules: TopicRules,
    budget: Arc<Budget>,
    /// Names this process in its topics' epochs.
    process: u64,
    /// Topics whose positions were forgotten. A topic made after that may be one of
    /// them, so its epoch is another.
    forgotten: AtomicU64,
}

impl Registry {
    pub(super) fn new(
        first_topic: TopicId,
        shards: usize,
        rules: TopicRules,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            clients: DashMap::new(),
            rooms: DashMap::new(),
            channels: DashMap::new(),
            next_topic: AtomicU64::new(first_topic.0),
            shards,
            rules,
            budget,
            process: Uuid::new_v4().as_u64_pair().0,
            forgotten: AtomicU64::new(0),
        }
    }

    /// What is configured for topics.
    pub(super) fn rules(&self) -> &TopicRules {
        &self.rules
    }

    /// The epoch of a topic that is made now.
    pub(super) fn epoch(&self) -> Arc<str> {
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        format!("{:012x}-{forgotten}", self.process >> 16).into()
    }

    /// Topics made from now on have another epoch.
    pub(super) fn next_epoch(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns false when the id is taken.
    pub(super) fn insert_client(&self, client: &Arc<Client>) -> bool {
        let mut inserted = false;
        self.clients.entry(client.id()).or_insert_with(|| {
            inserted = true;
            client.clone()
        });
        inserted
    }

    pub(super) fn client(&self, id: Uuid) -> Option<Arc<Client>> {
        self.clients.get(&id).map(|entry| entry.clone())
    }

    pub(super) fn remove_client(&self, client: &Arc<Client>) {
        self.clients
            .remove_if(&client.id(), |_, held| Arc::ptr_eq(held, client));
    }

    /// All clients, in no order.
    pub(super) fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.iter().map(|entry| entry.clone()).collect()
    }

    fn topics_of(&self, kind: TopicKind) -> &DashMap<Arc<str>, Arc<Topic>> {
        match kind {
            TopicKind::Room => &self.rooms,
            TopicKind::Channel => &self.channels,
        }
    }

    pub(super) fn topic(&self, kind: TopicKind, name: &str) -> Option<Arc<Topic>> {
        self.topics_of(kind).get(name).map(|entry| entry.clone())
    }

    pub(super) fn topic_or_new(&self, kind: TopicKind, name: &Arc<str>) -> Arc<Topic> {
        if let Some(topic) = self.topic(kind, name) {
            return topic;
        }
        self.topics_of(kind)
            .entry(name.clone())
            .or_insert_with(|| {
                let id = TopicId(self.next_topic.fetch_add(1, Ordering::Relaxed));
                let options = self.rules.options(kind, name);
                let limits = options.history;
                let log = limits
                    .map(|limits| Box::new(TopicLog::new(limits, self.epoch(), &self.budget)));
                let identity = (id, kind, name.clone());
                Arc::new(Topic::new(identity, self.shards, options.overflow, log))
            })
            .clone()
    }

    pub(super) fn remove_topic(&self, topic: &Arc<Topic>) {
        self.topics_of(topic.kind())
            .remove_if(topic.name(), |_, held| Arc::ptr_eq(held, topic));
    }

    /// All topics of a kind, in no order.
    pub(super) fn topics(&self, kind: TopicKind) -> Vec<Arc<Topic>> {
        self.topics_of(kind)
            .iter()
            .map(|entry| entry.clone())
            .collect()
    }
}
