//! The hub: this process's registry and shards.
//!
//! Knows nothing of JSON, HTTP or authentication: it moves encoded frames, and what it says
//! by itself comes from the [`Dialect`] it is given.

mod client;
mod client_info;
mod dispatch;
mod log;
mod membership;
mod metrics;
mod observer;
mod options;
mod publishing;
mod registry;
mod shard;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use client::{Client, Phase};
pub use client_info::{ClientInfo, ClientRef, Transport};
pub use membership::{JoinError, JoinOptions, LeaveError};
pub use metrics::{Counter, Metrics};
pub use observer::{Observer, Observers};
pub use options::HubOptions;
pub use publishing::{Accepted, HistoryPage};
pub use shard::{HubClosed, Link, Pipe, Sent};
pub use topic::{Overflow, Retention, Topic, TopicOptions, TopicRules};

use self::log::{Budget, Sweeper};
use self::observer::Teller;
use self::registry::Registry;
use self::shard::{Entry, Mailboxes, Shard};
use self::topic::{EVERYONE, TopicId};
use crate::dialect::Dialect;
use crate::protocol::TopicKind;
use crate::wire::Frame;

/// Registry and shards.
#[derive(Debug)]
pub struct Hub {
    registry: Arc<Registry>,
    mailboxes: Mailboxes,
    everyone: Arc<Topic>,
    dialect: &'static dyn Dialect,
    budget: Arc<Budget>,
    /// Stops the sweeper with the hub.
    _sweeper: Option<DropGuard>,
    metrics: Arc<Metrics>,
    teller: Teller,
    next_shard: AtomicUsize,
    /// Connections whose sockets the shards still hold.
    links: AtomicUsize,
    max_topics_per_client: usize,
    outbox_max_bytes: usize,
}

impl Hub {
    /// Starts the shards on `tasks`, and a sweeper where a history is configured. They end when the hub is dropped.
    pub fn new(options: &HubOptions, dialect: &'static dyn Dialect, tasks: &TaskTracker) -> Self {
        let metrics = Arc::<Metrics>::default();
        let teller = Teller::new(options.observers.clone(), metrics.clone());
        let budget = Arc::new(Budget::new(options.retention.max_bytes));
        let shards = options.shards.max(1);
        let identity = (EVERYONE, TopicKind::Channel, "$all".into());
        let everyone = Arc::new(Topic::new(identity, shards, Overflow::Evict, None));
        let senders = (0..shards)
            .map(|_| {
                let (sender, mailbox) = mpsc::channel(options.mailbox_capacity.max(1));
                let shard = Shard::new(mailbox, everyone.clone(), options, dialect, &teller);
                tasks.spawn(shard.run());
                sender
            })
            .collect();
        let registry = Arc::new(Registry::new(
            TopicId(EVERYONE.0 + 1),
            shards,
            options.topics.clone(),
            budget.clone(),
        ));
        Self {
            _sweeper: Sweeper::start(&registry, &budget, options, tasks),
            registry,
            mailboxes: Mailboxes::new(senders),
            everyone,
            dialect,
            budget,
            metrics,
            teller,
            next_shard: AtomicUsize::new(0),
            links: AtomicUsize::new(0),
            max_topics_per_client: options.max_topics_per_client,
            outbox_max_bytes: options.outbox_max_bytes,
        }
    }

    /// Bytes that all histories hold together.
    pub fn history_bytes(&self) -> usize {
        self.budget.used()
    }

    /// Rooms and channels one client may be in.
    pub fn max_topics_per_client(&self) -> usize {
        self.max_topics_per_client
    }

    /// Bytes that may wait for one client.
    pub fn outbox_max_bytes(&self) -> usize {
        self.outbox_max_bytes
    }

    /// The dialect in which the hub says things by itself.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
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
        let mut permits = self.mailboxes.reserve(|wanted| wanted == shard).await?;
        let attached = link.is_attached();
        let client = Arc::new(Client::new(id, info, shard, attached));
        {
            // Locked, so that nothing is told of the client before this.
            let _memberships = client.memberships.lock();
            if !self.registry.insert_client(&client) {
                return Ok(None);
            }
            self.teller.tell(|to| to.connected(client.view()));
        }
        let entry = Entry::Connect {
            client: client.clone(),
            link,
        };
        if attached {
            self.metrics.connections_total.add(1);
            self.links.fetch_add(1, Ordering::Relaxed);
            let mut everyone = self.everyone.state.lock();
            everyone.audience.add(shard);
            permits.send(shard, entry);
        } else {
            permits.send(shard, entry);
        }
        Ok(Some(client))
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

    async fn send_entry(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        let mut permits = self.mailboxes.reserve(|wanted| wanted == shard).await?;
        permits.send(shard, entry);
        Ok(())
    }

    /// Sends a frame to one client, in order with everything else it gets.
    pub async fn send(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let client = client.clone();
        self.send_entry(client.shard, Entry::Send { client, frame })
            .await
    }

    /// Answers a WebSocket ping, ahead of the messages that wait. Of many answers that
    /// wait, the oldest go (RFC 6455 §5.5.3).
    pub async fn pong(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let client = client.clone();
        self.send_entry(client.shard, Entry::Pong { client, frame })
            .await
    }

    /// Sends a Close frame behind what waits for the client. After `linger` the socket
    /// is cut off, whether all of that was written or not; a client that was written all
    /// of it and does not answer is cut off earlier, after a few seconds.
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
