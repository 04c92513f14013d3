//! The hub: this process's registry and shards.
//!
//! Knows nothing of JSON, HTTP or authentication: it moves encoded frames.

mod client;
mod heartbeat;
mod link;
mod mailbox;
mod metrics;
mod options;
mod outbox;
mod pipe;
mod registry;
mod shard;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use client::{Client, ClientInfo, Phase};
pub use link::Link;
pub use mailbox::{HubClosed, Sent};
pub use metrics::{Counter, Metrics};
pub use options::HubOptions;
pub use pipe::Pipe;
pub use topic::{Topic, TopicKind};

use self::mailbox::{Entry, Mailboxes};
use self::registry::Registry;
use self::shard::Shard;
use self::topic::{Again, EVERYONE, JoinOutcome, TopicId};
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

/// Registry and shards.
#[derive(Debug)]
pub struct Hub {
    registry: Registry,
    mailboxes: Mailboxes,
    everyone: Topic,
    metrics: Arc<Metrics>,
    next_shard: AtomicUsize,
    /// Connections whose sockets the shards still hold.
    links: AtomicUsize,
    max_topics_per_client: usize,
}

impl Hub {
    /// Starts the shards on `tasks`. They end when the hub is dropped.
    pub fn new(options: &HubOptions, tasks: &TaskTracker) -> Self {
        let metrics = Arc::<Metrics>::default();
        let shards = options.shards.max(1);
        let senders = (0..shards)
            .map(|_| {
                let (sender, mailbox) = mpsc::channel(options.mailbox_capacity.max(1));
                tasks.spawn(Shard::new(mailbox, options, metrics.clone()).run());
                sender
            })
            .collect();
        Self {
            registry: Registry::new(TopicId(EVERYONE.0 + 1), shards),
            mailboxes: Mailboxes::new(senders),
            everyone: Topic::new(EVERYONE, TopicKind::Channel, "$all".into(), shards),
            metrics,
            next_shard: AtomicUsize::new(0),
            links: AtomicUsize::new(0),
            max_topics_per_client: options.max_topics_per_client,
        }
    }

    /// What the hub counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.everyone.members()
    }

    /// Connections that were not released yet: those now, and those that are closing.
    pub fn links(&self) -> usize {
        self.links.load(Ordering::Relaxed)
    }

    /// Makes a client known. `Ok(None)` when the id is taken.
    ///
    /// Backpressure: waits for a place in its shard's mailbox.
    /// Cancel safety: a client is known entirely or not at all.
    pub async fn connect(
        &self,
        id: Uuid,
        info: ClientInfo,
        link: Link,
    ) -> Result<Option<Arc<Client>>, HubClosed> {
        let shard = self.next_shard.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len();
        let mut places = self.mailboxes.reserve(|wanted| wanted == shard).await?;
        let attached = link.is_attached();
        let client = Arc::new(Client::new(id, info, shard, attached));
        if !self.registry.insert_client(&client) {
            return Ok(None);
        }
        let entry = Entry::Connect {
            client: client.clone(),
            link,
        };
        if attached {
            self.metrics.connections_total.add(1);
            self.links.fetch_add(1, Ordering::Relaxed);
            self.everyone
                .count_connection(shard, 1, || places.send(shard, entry));
        } else {
            places.send(shard, entry);
        }
        Ok(Some(client))
    }

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

    /// Has the shard let go of the connection of a client that was disconnected. `reset`
    /// cuts the socket off, so that the kernel keeps nothing of it.
    pub async fn release(&self, client: &Arc<Client>, reset: bool) -> Result<(), HubClosed> {
        if client.is_attached() {
            self.links.fetch_sub(1, Ordering::Relaxed);
        }
        let client = client.clone();
        self.send_entry(client.shard, Entry::Release { client, reset })
            .await
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
    ) -> Result<mailbox::Places<'_>, HubClosed> {
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

    /// Broadcasts to a topic's members and returns how many there are. A topic that is
    /// not there has none.
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
            let mut places = self.mailboxes.reserve(|shard| told[shard]).await?;
            if let Ok(members) = topic.broadcast(&mut places, frame, exclude) {
                self.metrics.broadcasts_total.add(1);
                return Ok(members);
            }
        }
    }

    async fn send_entry(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        let mut places = self.mailboxes.reserve(|wanted| wanted == shard).await?;
        places.send(shard, entry);
        Ok(())
    }

    /// Sends a frame to one client, in order with everything else it gets.
    pub async fn send(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let client = client.clone();
        self.send_entry(client.shard, Entry::Send { client, frame })
            .await
    }

    /// Answers a WebSocket ping. A newer answer replaces one that still waits (RFC 6455 §5.5.3).
    pub async fn pong(&self, client: &Arc<Client>, payload: &[u8]) -> Result<(), HubClosed> {
        let (client, frame) = (client.clone(), Frame::pong(payload));
        self.send_entry(client.shard, Entry::Pong { client, frame })
            .await
    }

    /// Sends a Close frame behind what waits for the client. After `linger` the socket
    /// is cut off, whether the client has answered or not.
    pub async fn close(
        &self,
        client: &Arc<Client>,
        frame: Frame,
        linger: Duration,
    ) -> Result<(), HubClosed> {
        let client = client.clone();
        self.send_entry(
            client.shard,
            Entry::Close {
                client,
                frame,
                linger,
            },
        )
        .await
    }

    /// What each client was sent and what waits for it, in the order of `clients`.
    pub async fn inspect(&self, clients: &[Arc<Client>]) -> Result<Vec<Sent>, HubClosed> {
        let mut found = vec![Sent::default(); clients.len()];
        for shard in 0..self.mailboxes.len() {
            let places: Vec<usize> = (0..clients.len())
                .filter(|&place| clients[place].shard == shard)
                .collect();
            if places.is_empty() {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            let asked = places.iter().map(|&place| clients[place].clone()).collect();
            self.send_entry(
                shard,
                Entry::Inspect {
                    clients: asked,
                    reply,
                },
            )
            .await?;
            for (place, sent) in places.into_iter().zip(answer.await.map_err(|_| HubClosed)?) {
                found[place] = sent;
            }
        }
        Ok(found)
    }

    /// Returns when every shard has answered. Give it a deadline.
    pub async fn probe(&self) -> Result<(), HubClosed> {
        for shard in 0..self.mailboxes.len() {
            let (reply, answer) = oneshot::channel();
            let clients = Vec::new();
            self.send_entry(shard, Entry::Inspect { clients, reply })
                .await?;
            answer.await.map_err(|_| HubClosed)?;
        }
        Ok(())
    }

    /// The client with this id.
    pub fn client(&self, id: Uuid) -> Option<Arc<Client>> {
        self.registry.client(id)
    }

    /// All clients, in no order.
    pub fn clients(&self) -> Vec<Arc<Client>> {
        self.registry.clients()
    }

    /// The topic of this kind and name.
    pub fn topic(&self, kind: TopicKind, name: &str) -> Option<Arc<Topic>> {
        self.registry.topic(kind, name)
    }

    /// All topics of a kind, in no order.
    pub fn topics(&self, kind: TopicKind) -> Vec<Arc<Topic>> {
        self.registry.topics(kind)
    }
}
