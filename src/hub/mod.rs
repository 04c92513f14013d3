//! The hub: this process's registry and shards.
//!
//! The hub moves encoded frames and knows nothing about JSON, HTTP or authentication. A client's
//! wire protocol is a small number to it, its class. A publication is a [`Source`](crate::dialect::Source),
//! which encodes the form of each class; gap notices, pings and closes come from the table of
//! [`Dialects`] it is given.

mod client;
mod client_index;
mod client_info;
mod connecting;
mod disconnect;
mod dispatch;
mod epochs;
mod forms;
mod joining;
mod log;
mod lookup;
mod membership;
mod metrics;
mod numbering;
mod observer;
mod occupied_topics;
mod options;
mod peer_address;
mod presence;
mod publishing;
mod registry;
mod replies;
mod restoring;
mod saving;
mod shard;
mod sorted;
mod topic;
mod topic_list;
mod topic_membership;
mod waiting;
mod wall_clock;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use client::{Client, Phase};
pub use client_info::{ClientInfo, ClientRef, Transport};
pub use joining::{JoinOptions, Joined};
#[cfg(feature = "internals")]
pub use log::{Kept, OutOfOrder};
pub use membership::{JoinError, LeaveError};
#[cfg(feature = "internals")]
pub use metrics::Counter;
pub use metrics::Metrics;
pub use observer::{Observer, Observers};
pub use options::HubOptions;
pub use presence::NotPresent;
pub use publishing::{Accepted, HistoryPage};
#[cfg(feature = "internals")]
pub use publishing::{Delivery, DeliveryError};
pub use restoring::{Contradiction, RestoredHistories};
pub use saving::{SavedHistories, SavingError};
pub use shard::{HubClosed, Link, Pipe, Received, Sent, TlsSocket};
pub use topic::{Overflow, Retention, Topic, TopicOptions, TopicRules};
pub use wall_clock::WallClock;

use self::log::{Arrivals, Budgets, LazyLog, Sweeper};
use self::numbering::Numbering;
use self::observer::Notifier;
use self::presence::{Announcements, Announcer};
use self::registry::Registry;
use self::replies::Replies;
use self::shard::{Entry, MailboxOptions, Mailboxes, OutboxTotal, Shard};
use self::topic::{EVERYONE, People, TopicId};
use crate::dialect::Dialects;
use crate::protocol::TopicKind;
use crate::wire::Frame;

/// The registry of clients and topics, and the shards that own their connections.
#[derive(Debug)]
pub struct Hub {
    registry: Arc<Registry>,
    mailboxes: Mailboxes,
    everyone: Arc<Topic>,
    dialects: Dialects,
    budgets: Budgets,
    /// Topics that the sweeper has to be told of.
    arrivals: Arc<Arrivals>,
    numbering: Numbering,
    /// Topics that the announcer has to be told of.
    announcements: Arc<Announcements>,
    /// Stops the announcer when the hub is dropped. `None` if no topic keeps who is present.
    announcer: Option<DropGuard>,
    /// Stops the sweeper when the hub is dropped.
    _sweeper: Option<DropGuard>,
    metrics: Arc<Metrics>,
    notifier: Notifier,
    next_shard: AtomicUsize,
    departures: Semaphore,
    /// The number of connections that have not been released yet.
    links: AtomicUsize,
    max_topics_per_client: usize,
    outbox_max_bytes: usize,
    close_timeout: Duration,
    outbox_total: Arc<OutboxTotal>,
    replies: Arc<Replies>,
    /// Cancelled when a shard has panicked.
    failed: CancellationToken,
}

impl Hub {
    /// Spawns the shards on `tasks`, and a sweeper if any topic can keep a history. They stop
    /// when the hub is dropped.
    pub fn new(options: &HubOptions, dialects: Dialects, tasks: &TaskTracker) -> Self {
        let metrics = Arc::<Metrics>::default();
        let notifier = Notifier::new(options.observers.clone(), metrics.clone());
        let budgets = Budgets::new(&options.retention);
        let shards = options.shards.max(1);
        let identity = (EVERYONE, TopicKind::Channel, "$all".into());
        let everyone = Arc::new(Topic::new(
            identity,
            shards,
            Overflow::Evict,
            LazyLog::None,
            People::Unknown,
        ));
        let mailboxes = Mailboxes::new(
            shards,
            MailboxOptions {
                entries: options.mailbox_capacity,
                deliveries: options.mailbox_deliveries,
            },
        );
        let per_client = options.outbox_max_bytes / 4;
        let replies = Arc::new(Replies::new(options.replies_total, per_client));
        let outbox_total = Arc::new(OutboxTotal::new(options.outbox_total, shards));
        let failed = CancellationToken::new();
        for index in 0..shards {
            let mailbox = mailboxes.get(index).clone();
            let shard = Shard::new(
                mailbox,
                everyone.clone(),
                options,
                dialects,
                (&notifier, &replies),
                (index, &outbox_total),
            );
            let failed = failed.clone();
            tasks.spawn(async move {
                if AssertUnwindSafe(shard.run()).catch_unwind().await.is_err() {
                    failed.cancel();
                }
            });
        }
        let arrivals = Arc::<Arrivals>::default();
        let announcements = Arc::<Announcements>::default();
        let announcer = options.topics.any_presence().then(|| {
            let list = mailboxes.list();
            Announcer::new(list, dialects, &announcements).start(tasks)
        });
        let registry = Arc::new(Registry::new(
            TopicId(EVERYONE.0 + 1),
            (shards, options.outbox_max_bytes / 4),
            (options.topics.clone(), options.max_topics),
            budgets.clone(),
            announcements.clone(),
        ));
        Self {
            _sweeper: Sweeper::start(&registry, &budgets, &arrivals, options, tasks),
            registry,
            mailboxes,
            everyone,
            dialects,
            budgets,
            arrivals,
            announcements,
            announcer,
            numbering: Numbering::default(),
            metrics,
            notifier,
            next_shard: AtomicUsize::new(0),
            departures: Semaphore::new(shards),
            links: AtomicUsize::new(0),
            max_topics_per_client: options.max_topics_per_client,
            outbox_max_bytes: options.outbox_max_bytes,
            close_timeout: options.close_timeout,
            outbox_total,
            replies,
            failed,
        }
    }

    /// The size of all histories together, in bytes.
    pub fn history_bytes(&self) -> usize {
        self.budgets.used()
    }

    /// The maximum number of rooms and channels per client.
    pub fn max_topics_per_client(&self) -> usize {
        self.max_topics_per_client
    }

    /// The maximum number of bytes in one client's outbox.
    pub fn outbox_max_bytes(&self) -> usize {
        self.outbox_max_bytes
    }

    /// Bytes that all outboxes take together.
    pub fn outbox_bytes(&self) -> usize {
        self.outbox_total.used()
    }

    /// How long a client has to read a Close frame and to end its side.
    pub fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    /// The dialects of the hub's clients.
    pub fn dialects(&self) -> Dialects {
        self.dialects
    }

    /// The hub's counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The number of open connections. Clients without a connection are not counted.
    pub fn connections(&self) -> usize {
        self.everyone.members()
    }

    /// The number of connections that have not been released yet, both open and closing.
    pub fn links(&self) -> usize {
        self.links.load(Ordering::Relaxed)
    }

    /// Sends a frame to one client.
    ///
    /// Ordering: the frame keeps its place among everything else sent to the client.
    /// Backpressure: waits while the shard's mailbox is full. It sets no deadline of its own.
    /// Cancel safety: the frame is sent or not.
    pub async fn send(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let one = |shard| (shard == client.shard).then_some(1);
        client.wait_until_connected();
        let mut permits = self.mailboxes.reserve(one, frame.len()).await?;
        let client = client.clone();
        permits.send(client.shard, Entry::Send { client, frame });
        Ok(())
    }

    /// Sends the reply to a command of a client. It does not evict the client, however full its
    /// outbox is; [`reply_room`](Self::reply_room) bounds it instead.
    ///
    /// Ordering: that of [`send`](Self::send).
    /// Backpressure: waits for up to 1 s while the shard's mailbox is full, and then queues the
    /// reply in any case.
    pub async fn reply(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let charge = Some(self.replies.charge(client, frame.len()));
        let client = client.clone();
        let entry = Entry::Reply {
            client: client.clone(),
            frame,
            charge,
        };
        self.send_entry(client.shard, entry).await
    }

    /// Waits until a client has read enough of its replies for its next command to be carried
    /// out, or is closing. Only the connection's own task may call this.
    pub async fn reply_room(&self, client: &Client) {
        self.replies.wait_for(client).await;
    }

    /// Waits until another large reply may be made: all replies together have a limit. It sets
    /// no deadline of its own.
    pub async fn large_reply_room(&self) {
        self.replies.wait_for_all().await;
    }

    /// Bytes of the replies to all clients that have not been written yet.
    pub fn reply_bytes(&self) -> usize {
        self.replies.used()
    }

    /// Answers a WebSocket ping ahead of the client's queued messages. If too many pongs are
    /// queued, the oldest is dropped (RFC 6455 §5.5.3). Pongs count as replies.
    pub fn pong(&self, client: &Arc<Client>, frame: Frame) -> Result<(), HubClosed> {
        let charge = self.replies.charge(client, frame.len());
        let client = client.clone();
        let entry = Entry::Pong {
            client: client.clone(),
            frame,
            charge,
        };
        self.mailboxes.push_urgent(client.shard, entry)
    }

    /// Queues a Close frame behind everything that was sent to the client before. The socket is
    /// reset after `linger` even if some of that is still unwritten. Once all of it is
    /// written, the client has only a few seconds to end its side.
    ///
    /// Backpressure: that of [`reply`](Self::reply).
    pub async fn close(
        &self,
        client: &Arc<Client>,
        frame: Frame,
        linger: Duration,
    ) -> Result<(), HubClosed> {
        client.wait_until_connected();
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

    /// Returns what each client has been sent and what is queued for it, in the order of
    /// `clients`.
    pub async fn inspect(&self, clients: &[Arc<Client>]) -> Result<Vec<Sent>, HubClosed> {
        let mut all = vec![Sent::default(); clients.len()];
        for shard in 0..self.mailboxes.len() {
            let indices: Vec<usize> = (0..clients.len())
                .filter(|&index| clients[index].shard == shard)
                .collect();
            if indices.is_empty() {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            let local = indices.iter().map(|&index| clients[index].clone());
            let clients = local.collect();
            self.mailboxes
                .push_urgent(shard, Entry::Inspect { clients, reply })?;
            let answer = answer.await.map_err(|_| HubClosed)?;
            for (index, sent) in indices.into_iter().zip(answer) {
                all[index] = sent;
            }
        }
        Ok(all)
    }

    /// Returns when a shard has panicked. Its clients are lost, so the process should be
    /// restarted.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Whether every shard that has work takes a turn within `timeout`. Enters no queue, so it
    /// answers at once, however busy the shards are.
    pub fn is_alive(&self, timeout: Duration) -> bool {
        let mut shards = 0..self.mailboxes.len();
        !shards.any(|shard| self.mailboxes.get(shard).is_stalled(timeout))
    }

    /// Returns once every shard has answered. It sets no deadline of its own: wrap it in a
    /// timeout.
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
}
