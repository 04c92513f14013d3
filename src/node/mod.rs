//! The use-cases of one node: connect, join, leave, say, subscribe, publish, drain.
//!
//! Turns commands and events into frames and hands them to the hub. Knows nothing about
//! HTTP, nor about the bytes on a socket.

mod access;
mod addresses;
mod admission;
mod announcement;
mod authenticated;
mod authentication;
mod channel_identities;
mod channels;
mod connections;
mod dedup;
mod drain;
mod durable_file;
mod expiry;
mod expiry_list;
mod history;
mod history_file;
mod lazy_timeout;
mod limits;
mod page;
pub mod policy;
mod presence;
mod publish;
mod publish_batch;
mod publish_error;
mod publish_for;
mod publish_once;
mod publish_stream;
mod published;
mod refusals;
mod restart;
mod restart_error;
mod revocation;
mod rooms;
mod turn;
mod unauthenticated;
mod unavailable;
mod unfinished_messages;
mod users;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::dialect::{Dialect, Dialects, Outgoing, Source};
use crate::hub::{Client, Hub, HubClosed};
use crate::limits::ConnectionMeters;
use crate::protocol::{Json, ServerMessage, TopicMessage};
use crate::wire::Frame;

pub use addresses::AddressLimits;
pub use admission::Admission;
pub use connections::LiveConnection;
pub use drain::DrainOptions;
pub(crate) use lazy_timeout::{lazy_timeout, poll_twice};
pub use limits::LimitOptions;
pub use page::Page;
pub use presence::{PresenceError, PresentPage};
pub use publish_batch::BatchError;
pub use publish_error::PublishError;
pub use publish_for::ClientPublication;
pub use publish_stream::PublishStream;
pub use published::Published;
pub use restart_error::{RestoreError, SaveError, SetAside, Unusable};
pub(crate) use revocation::RevokeError;
pub use revocation::{InvalidRevocations, Revocation, RevocationFileError, Revocations, Revoked};
pub(crate) use turn::Turn;
pub use unauthenticated::Unauthenticated;
pub use unavailable::Unavailable;
pub use unfinished_messages::UnfinishedMessages;
pub use users::OnlineUser;

use self::addresses::Addresses;
use self::admission::AwaitingConnections;
use self::announcement::Announcement;
use self::channel_identities::ChannelIdentities;
use self::dedup::Dedup;
use self::expiry_list::{ExpiryList, ExpiryTask};
use self::policy::{AllowAll, Policy, TokenOptions, log_panic};
use self::revocation::Journal;

/// Maximum number of bytes of the incomplete messages of all clients that have not authenticated yet.
const UNAUTHENTICATED_BYTES: usize = 16 * 1024 * 1024;
/// Connections per shard that may read and decode much at the same time.
const LARGE_READS_PER_SHARD: usize = 1;

/// The limits of a node.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Maximum number of connections; 0 for no limit. Default 0.
    pub max_connections: usize,
    /// Maximum number of members of a room. Default 100.
    pub max_clients_per_room: usize,
    /// Maximum size of a message from or to a client, in bytes. Default 64 KiB.
    pub max_message_bytes: usize,
    /// Longest time that a publication, a client's command or a message from the application
    /// waits for full mailboxes. Default 1 s.
    pub publish_timeout: Duration,
    /// How long an idempotency key is remembered: within this time, a second publication
    /// with the same key to the same channel gets the first one's result. Default 5 min;
    /// zero turns this off.
    pub publish_window: Duration,
    /// Maximum number of idempotency keys remembered, counted per channel; beyond that, the
    /// oldest are forgotten first. Default 100,000, which take about 20 MB; zero turns this
    /// off.
    pub publish_ids: usize,
    /// Longest time the policy may take for one decision; after that, the command or request
    /// is refused with `overloaded`. Default 5 s.
    pub policy_timeout: Duration,
    /// Maximum number of bytes of the messages of all connections that are incomplete or not
    /// carried out; a client whose message does not fit is closed (1013). At least twice
    /// `max_message_bytes`. Default 64 MiB.
    pub messages_total: usize,
    /// Limits of addresses and users, and the rates of connections. Default: none.
    pub limits: LimitOptions,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            max_connections: 0,
            max_clients_per_room: 100,
            max_message_bytes: 64 * 1024,
            publish_timeout: Duration::from_secs(1),
            publish_window: Duration::from_secs(5 * 60),
            publish_ids: 100_000,
            policy_timeout: Duration::from_secs(5),
            messages_total: 64 * 1024 * 1024,
            limits: LimitOptions::default(),
        }
    }
}

/// This process's rooms, channels and clients.
pub struct Node {
    hub: Arc<Hub>,
    /// Idempotency keys, unless they are turned off.
    dedup: Option<Dedup>,
    /// Asked before a command or a request is carried out.
    policy: Arc<dyn Policy>,
    /// How clients bring tokens, if the policy takes any.
    tokens: Option<TokenOptions>,
    expiry_list: Arc<ExpiryList>,
    revocations: Revocations,
    /// Writes them to their file, if there is one.
    revocation_journal: OnceLock<Journal>,
    channel_identities: ChannelIdentities,
    expiry_task: ExpiryTask,
    unfinished_messages: UnfinishedMessages,
    unauthenticated_messages: UnfinishedMessages,
    large_reads: Semaphore,
    addresses: Arc<Addresses>,
    meters: Option<ConnectionMeters>,
    options: NodeOptions,
    /// Tells this process from others that use the same history file.
    run: Uuid,
    /// Why the history file could not be marked as that of this run.
    unclaimed: OnceLock<String>,
    draining: AtomicBool,
    /// Cancelled when a drain begins; for those that wait.
    drain_begun: CancellationToken,
    /// Connections that the policy is asked about, and those that it has allowed and that are
    /// not made known yet.
    awaiting: AwaitingConnections,
    /// Connections whose clients have yet to send their tokens.
    unauthenticated: AwaitingConnections,
    /// Connections that are being made known; a drain makes its announcement to them too.
    connecting: TaskTracker,
    /// Connections that are made during a drain, until they are told and closed.
    latecomers: TaskTracker,
    announcement: Announcement,
    /// Publications in progress; a drain lets them finish before it closes a connection.
    publishing: TaskTracker,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("hub", &self.hub)
            .field("options", &self.options)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// A node that allows everything.
    pub fn new(hub: Hub, options: NodeOptions) -> Self {
        Self::with_policy(hub, options, Arc::new(AllowAll))
    }

    /// A node that asks `policy` what is allowed.
    pub fn with_policy(hub: Hub, options: NodeOptions, policy: Arc<dyn Policy>) -> Self {
        let tokens = policy.tokens();
        // An identity of the application's own is in force until it expires.
        let without_leeway = || TokenOptions {
            leeway: Duration::ZERO,
            ..TokenOptions::default()
        };
        let expiry_list = ExpiryList::new(tokens.clone().unwrap_or_else(without_leeway));
        Self {
            large_reads: Semaphore::new(hub.shard_count() * LARGE_READS_PER_SHARD),
            hub: Arc::new(hub),
            dedup: Dedup::new(options.publish_window, options.publish_ids),
            // A message of the maximum size always fits if it is the only one.
            unfinished_messages: UnfinishedMessages::new(
                options
                    .messages_total
                    .max(options.max_message_bytes.saturating_mul(2)),
            ),
            // So that nobody who is known is closed because of those who are not.
            unauthenticated_messages: UnfinishedMessages::new(UNAUTHENTICATED_BYTES),
            policy,
            tokens,
            expiry_list: Arc::new(expiry_list),
            expiry_task: ExpiryTask::new(),
            revocations: Revocations::default(),
            revocation_journal: OnceLock::new(),
            channel_identities: ChannelIdentities::default(),
            addresses: Arc::new(Addresses::new(&options.limits.addresses, Instant::now())),
            meters: ConnectionMeters::new(&options.limits.rates, Instant::now()),
            options,
            run: Uuid::new_v4(),
            unclaimed: OnceLock::new(),
            draining: AtomicBool::new(false),
            drain_begun: CancellationToken::new(),
            awaiting: AwaitingConnections::default(),
            unauthenticated: AwaitingConnections::default(),
            connecting: TaskTracker::new(),
            latecomers: TaskTracker::new(),
            announcement: Announcement::default(),
            publishing: TaskTracker::new(),
        }
    }

    /// The hub underneath, for this project's own tests and benchmarks.
    #[cfg(feature = "internals")]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// How clients bring tokens; `None` if they bring none.
    pub fn tokens(&self) -> Option<&TokenOptions> {
        self.tokens.as_ref()
    }

    /// The limits.
    pub fn options(&self) -> &NodeOptions {
        &self.options
    }

    /// The memory of the messages of all connections that are incomplete or not carried out.
    pub fn unfinished_messages(&self) -> &UnfinishedMessages {
        &self.unfinished_messages
    }

    /// The memory of the incomplete messages of all clients that have not authenticated yet.
    pub fn unauthenticated_messages(&self) -> &UnfinishedMessages {
        &self.unauthenticated_messages
    }

    /// Permits of connections that read and decode much at once.
    pub fn large_reads(&self) -> &Semaphore {
        &self.large_reads
    }

    /// Whether the node is shutting down and accepts nothing new.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Returns when the node begins to shut down.
    ///
    /// Cancel safety: takes nothing.
    pub async fn drain_begun(&self) {
        self.drain_begun.cancelled().await;
    }

    /// Sends the reply to a command, in order with everything else the client receives.
    pub async fn reply(
        &self,
        client: &Arc<Client>,
        message: &ServerMessage<'_>,
        reply_to: Option<&Json>,
    ) -> Result<(), HubClosed> {
        let frame = self.dialect_of(client).message(message, reply_to);
        self.hub.reply(client, frame).await
    }

    /// Waits until the client has read enough of its replies for its next command, or is closing.
    /// Only the connection's own task may call this.
    ///
    /// Cancel safety: takes nothing.
    pub async fn reply_room(&self, client: &Client) {
        self.hub.reply_room(client).await;
    }

    /// Sends a message to one client, in order with everything else it receives.
    ///
    /// Backpressure: waits while the client's shard is behind, at most for `publish_timeout`.
    pub async fn send(
        &self,
        client: &Arc<Client>,
        message: &ServerMessage<'_>,
    ) -> Result<(), Unavailable> {
        let frame = self.dialect_of(client).message(message, None);
        self.send_frame(client, frame).await
    }

    async fn send_frame(&self, client: &Arc<Client>, frame: Frame) -> Result<(), Unavailable> {
        let sent = async { Ok(self.hub.send(client, frame).await?) };
        self.in_time(Unavailable::Overloaded, sent).await
    }

    /// The result of a call of the hub that waits for mailboxes, or `late` after
    /// `publish_timeout`. The hub does such a call completely or not at all, so nothing is half
    /// done then.
    async fn in_time<T, E>(
        &self,
        late: E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let done = timeout_at(self.publish_deadline(), call).await;
        done.unwrap_or(Err(late))
    }

    /// Counts and logs a panic that was caught.
    pub(crate) fn record_panic(&self, about: &str) {
        self.hub.metrics().panics_total.add(1);
        log_panic(about);
    }

    /// The dialects of the node's clients.
    pub fn dialects(&self) -> Dialects {
        self.hub.dialects()
    }

    /// The dialect of a client.
    fn dialect_of(&self, client: &Client) -> &'static dyn Dialect {
        self.hub.dialects().of(client.class())
    }

    /// What a topic's members receive, each in its own dialect.
    fn outgoing(&self, message: TopicMessage) -> Arc<dyn Source> {
        Outgoing::source(self.hub.dialects(), message)
    }
}
