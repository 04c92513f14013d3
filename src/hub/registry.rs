//! Looks up clients by id and topics by kind and name, and keeps what lists show in order. The
//! concurrent map is used only here.
//!
//! Locks: a map guard lives within a single expression. It is never returned and never held
//! while another module is called, and nothing in this file awaits.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use uuid::Uuid;

use super::client::Client;
use super::client_index::ClientIndex;
use super::epochs::Epochs;
use super::log::{Budget, Budgets, LazyLog, LogOrigin, TopicLog};
use super::occupied_topics::OccupiedTopics;
use super::presence::Announcements;
use super::topic::{People, Topic, TopicId, TopicOptions, TopicRules, WatchedPresence};
use crate::history::HistoryLimits;
use crate::history::saved::SavedEpochs;
use crate::presence::PresenceOptions;
use crate::protocol::TopicKind;

/// A map of this capacity, in entries, is not worth shrinking.
const MIN_CAPACITY: usize = 16 * 1024;

/// The clients and topics that exist.
#[derive(Debug)]
pub(super) struct Registry {
    clients: DashMap<Uuid, Arc<Client>>,
    attached: ClientIndex,
    rooms: DashMap<Arc<str>, Arc<Topic>>,
    channels: DashMap<Arc<str>, Arc<Topic>>,
    occupied: OccupiedTopics,
    next_topic: AtomicU64,
    shards: usize,
    /// Maximum size of a list of those who are present, in bytes.
    max_list_bytes: usize,
    rules: TopicRules,
    budgets: Budgets,
    epochs: Arc<Epochs>,
    /// What the logs of new topics are made from.
    log_origins: Vec<Arc<LogOrigin>>,
    /// Retired topics leave it.
    announcements: Arc<Announcements>,
    /// The number of rooms, and of channels, whose positions have been forgotten. One that is
    /// created later may be one of them, so it gets a different epoch.
    forgotten_rooms: AtomicU64,
    forgotten_channels: AtomicU64,
}

impl Registry {
    pub(super) fn new(
        first_topic: TopicId,
        (shards, max_list_bytes): (usize, usize),
        (rules, max_topics): (TopicRules, usize),
        budgets: Budgets,
        announcements: Arc<Announcements>,
    ) -> Self {
        let epochs = Arc::<Epochs>::default();
        let mut log_origins: Vec<Arc<LogOrigin>> = Vec::new();
        for kind in [TopicKind::Room, TopicKind::Channel] {
            for limits in rules.histories() {
                let (budget, epochs) = (budgets.of(kind).clone(), epochs.clone());
                let origin = LogOrigin {
                    kind,
                    limits,
                    budget,
                    epochs,
                };
                log_origins.push(Arc::new(origin));
            }
        }
        Self {
            clients: DashMap::new(),
            attached: ClientIndex::default(),
            rooms: DashMap::new(),
            channels: DashMap::new(),
            occupied: OccupiedTopics::new(max_topics),
            next_topic: AtomicU64::new(first_topic.0),
            shards,
            max_list_bytes,
            rules,
            budgets,
            epochs,
            log_origins,
            announcements,
            forgotten_rooms: AtomicU64::new(0),
            forgotten_channels: AtomicU64::new(0),
        }
    }

    /// The rules that configure topics by name.
    pub(super) fn rules(&self) -> &TopicRules {
        &self.rules
    }

    pub(super) fn max_list_bytes(&self) -> usize {
        self.max_list_bytes
    }

    /// How the topic with this name keeps who is present, if it does.
    pub(super) fn presence_options(&self, kind: TopicKind, name: &str) -> Option<PresenceOptions> {
        presence_of(self.rules.options(kind, name), name)
    }

    /// The epoch of the topic with this name, if it is created now. It stays the same until a
    /// position of a topic of this kind is forgotten: a client that resumes a topic which nobody
    /// was in meanwhile, and nobody has published to, has missed nothing.
    pub(super) fn epoch(&self, kind: TopicKind, name: &str) -> Arc<str> {
        let forgotten = self.forgotten(kind).load(Ordering::SeqCst);
        self.epochs.epoch(kind, name, forgotten)
    }

    /// Gives topics of this kind that are created from now on a new epoch.
    pub(super) fn next_epoch(&self, kind: TopicKind) {
        self.forgotten(kind).fetch_add(1, Ordering::SeqCst);
    }

    /// What the epochs of topics are made from that were never published to. To be read after the
    /// topics: the number of forgotten ones then includes those that are missing there.
    pub(super) fn epochs(&self) -> SavedEpochs {
        SavedEpochs {
            seed: self.epochs.seed(),
            forgotten_channels: self.forgotten_channels.load(Ordering::SeqCst),
            forgotten_rooms: self.forgotten_rooms.load(Ordering::SeqCst),
            rules: self.rules.kept_topics(),
        }
    }

    /// Goes on with the epochs of an earlier process, if the same topics keep a history as in that.
    /// Otherwise, something may have been published there without a number.
    pub(super) fn restore_epochs(&self, saved: SavedEpochs) {
        if saved.rules == self.rules.kept_topics() {
            let (channels, rooms) = (saved.forgotten_channels, saved.forgotten_rooms);
            self.forgotten_channels.store(channels, Ordering::SeqCst);
            self.forgotten_rooms.store(rooms, Ordering::SeqCst);
            self.epochs.set_seed(saved.seed);
        }
    }

    /// One counter per kind: clients make rooms, and must not change the epochs of channels.
    fn forgotten(&self, kind: TopicKind) -> &AtomicU64 {
        match kind {
            TopicKind::Room => &self.forgotten_rooms,
            TopicKind::Channel => &self.forgotten_channels,
        }
    }

    /// Registers a client. Returns false if the id is already in use.
    pub(super) fn insert_client(&self, client: &Arc<Client>) -> bool {
        let mut inserted = false;
        self.clients.entry(client.id()).or_insert_with(|| {
            inserted = true;
            client.clone()
        });
        if inserted && client.is_attached() {
            self.attached.insert(client);
        }
        inserted
    }

    pub(super) fn client(&self, id: Uuid) -> Option<Arc<Client>> {
        self.clients.get(&id).map(|entry| entry.clone())
    }

    /// Removes a client that disconnects from the lists of clients. By its id it is still found.
    pub(super) fn unlist_client(&self, client: &Arc<Client>) {
        if client.is_attached() {
            self.attached.remove(client);
        }
    }

    /// Forgets a client that is a member of nothing anymore.
    pub(super) fn remove_client(&self, client: &Arc<Client>) {
        self.clients
            .remove_if(&client.id(), |_, held| Arc::ptr_eq(held, client));
    }

    /// All clients, in no particular order.
    #[cfg(feature = "internals")]
    pub(super) fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.iter().map(|entry| entry.clone()).collect()
    }

    /// The clients with a connection, by id.
    pub(super) fn attached(&self) -> &ClientIndex {
        &self.attached
    }

    /// The topics that have members, by name.
    pub(super) fn occupied(&self) -> &OccupiedTopics {
        &self.occupied
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

    /// The topic with this kind and name, created if it does not exist.
    pub(super) fn topic_or_new(&self, kind: TopicKind, name: &Arc<str>) -> Arc<Topic> {
        if let Some(topic) = self.topic(kind, name) {
            return topic;
        }
        self.topics_of(kind)
            .entry(name.clone())
            .or_insert_with(|| {
                let id = TopicId(self.next_topic.fetch_add(1, Ordering::Relaxed));
                let options = self.rules.options(kind, name);
                let log = self.new_log(kind, options.history);
                Arc::new(self.new_topic((id, kind, name.clone()), options, log))
            })
            .clone()
    }

    fn new_topic(
        &self,
        (id, kind, name): (TopicId, TopicKind, Arc<str>),
        options: TopicOptions,
        log: LazyLog,
    ) -> Topic {
        let presence = presence_of(options, &name)
            .map(|options| WatchedPresence::new(options, self.max_list_bytes, self.shards));
        let people = People::new(kind, presence);
        Topic::new((id, kind, name), self.shards, options.overflow, log, people)
    }

    fn new_log(&self, kind: TopicKind, history: Option<HistoryLimits>) -> LazyLog {
        let of_this =
            |origin: &&Arc<LogOrigin>| origin.kind == kind && Some(origin.limits) == history;
        match self.log_origins.iter().find(of_this) {
            Some(origin) => LazyLog::blank(origin, self.forgotten(kind).load(Ordering::SeqCst)),
            None => LazyLog::None,
        }
    }

    /// Makes a topic with this log, without listing it.
    pub(super) fn restored_topic(
        &self,
        kind: TopicKind,
        name: &Arc<str>,
        log: impl FnOnce(HistoryLimits, TopicId, &Arc<Budget>) -> TopicLog,
    ) -> Option<Arc<Topic>> {
        let options = self.rules.options(kind, name);
        let id = TopicId(self.next_topic.fetch_add(1, Ordering::Relaxed));
        let log = Box::new(log(options.history?, id, self.budgets.of(kind)));
        let identity = (id, kind, name.clone());
        Some(Arc::new(self.new_topic(
            identity,
            options,
            LazyLog::Kept(log),
        )))
    }

    /// Lists a topic, unless there is one with its kind and name. Returns whether it was listed.
    pub(super) fn insert_topic(&self, topic: &Arc<Topic>) -> bool {
        let mut is_new = false;
        self.topics_of(topic.kind())
            .entry(topic.name().clone())
            .or_insert_with(|| {
                is_new = true;
                topic.clone()
            });
        is_new
    }

    /// Removes a topic that is retired. What it knows of its people is freed at once.
    pub(super) fn remove_topic(&self, topic: &Arc<Topic>) {
        self.announcements.forget(topic);
        self.topics_of(topic.kind())
            .remove_if(topic.name(), |_, held| Arc::ptr_eq(held, topic));
    }

    /// Returns the memory of maps that have become much smaller. A map keeps the capacity for as many
    /// entries as it once had.
    pub(super) fn shrink(&self) {
        shrink(&self.clients);
        shrink(&self.rooms);
        shrink(&self.channels);
    }

    /// All topics of a kind, also those without members, in no particular order.
    pub(super) fn topics(&self, kind: TopicKind) -> Vec<Arc<Topic>> {
        self.topics_of(kind)
            .iter()
            .map(|entry| entry.clone())
            .collect()
    }
}

/// The server's own channels never keep who is present.
fn presence_of(options: TopicOptions, name: &str) -> Option<PresenceOptions> {
    options.presence.filter(|_| !name.starts_with('$'))
}

fn shrink<K: Eq + Hash, V>(map: &DashMap<K, V>) {
    let capacity = map.capacity();
    if capacity > MIN_CAPACITY && map.len() < capacity / 8 {
        map.shrink_to_fit();
    }
}
