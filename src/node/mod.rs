//! The use-cases of one node: connect, join, leave, say, subscribe, publish, drain.
//!
//! Turns commands and events into frames and hands them to the hub. Knows nothing of
//! HTTP or of bytes on a socket.

mod channels;
mod connections;
mod drain;
mod history;
mod once;
mod publish;
mod remembered;
mod rooms;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::hub::{Client, Hub, HubClosed, JoinError, LeaveError};
use crate::protocol::{ErrorCode, ErrorSubject, Json, ServerMessage};
use crate::wire::Frame;

pub use connections::{Connection, Page};
pub use drain::DrainOptions;
pub use publish::{PublishError, Published};

use self::remembered::Remembered;

/// Limits a node holds its clients to.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Members a room may have. Default 100.
    pub max_clients_per_room: usize,
    /// Bytes of one message, from a client or to it. Default 64 KiB.
    pub max_message_bytes: usize,
    /// Longest a publication waits for full mailboxes. Default 1 s.
    pub publish_timeout: Duration,
    /// Within this time a second publication with the same id to the same channel is
    /// answered with the first one's result; zero switches this off. Default 5 min.
    pub publish_window: Duration,
    /// Publications with an own id that are remembered for that, one a channel; above, the
    /// oldest go first. Default 100,000, which take about 20 MB.
    pub publish_ids: usize,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            max_clients_per_room: 100,
            max_message_bytes: 64 * 1024,
            publish_timeout: Duration::from_secs(1),
            publish_window: Duration::from_secs(5 * 60),
            publish_ids: 100_000,
        }
    }
}

/// Why a command was refused, with what its reply needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// What it is about.
    pub subject: ErrorSubject,
}

/// This process's rooms, channels and clients.
#[derive(Debug)]
pub struct Node {
    hub: Arc<Hub>,
    /// Publications with an own id, unless that is switched off.
    remembered: Option<Remembered>,
    options: NodeOptions,
    draining: AtomicBool,
    /// Publications under way; a drain lets them finish before it closes anybody.
    publishing: TaskTracker,
}

impl Node {
    /// A node on a hub.
    pub fn new(hub: Hub, options: NodeOptions) -> Self {
        Self {
            hub: Arc::new(hub),
            remembered: Remembered::new(options.publish_window, options.publish_ids),
            options,
            draining: AtomicBool::new(false),
            publishing: TaskTracker::new(),
        }
    }

    /// The hub underneath.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The limits.
    pub fn options(&self) -> &NodeOptions {
        &self.options
    }

    /// Whether the node shuts down and takes nothing new.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Answers a command in order with everything else the client gets.
    pub async fn reply(
        &self,
        client: &Arc<Client>,
        message: &ServerMessage<'_>,
        id: Option<&Json>,
    ) -> Result<(), HubClosed> {
        self.hub.send(client, encode(message, id)).await
    }
}

/// Encodes a message once.
pub(crate) fn encode(message: &ServerMessage<'_>, id: Option<&Json>) -> Frame {
    Frame::text(message.to_reply(id).into())
}

impl From<JoinError> for ErrorCode {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Full => Self::RoomFull,
            JoinError::TooManyTopics => Self::TooManyTopics,
            JoinError::Disconnected => Self::NotFound,
            JoinError::Closed(HubClosed) => Self::Draining,
        }
    }
}

fn refusal_of_leave(error: LeaveError, not_a_member: ErrorCode) -> ErrorCode {
    match error {
        LeaveError::NotAMember => not_a_member,
        LeaveError::Closed(HubClosed) => ErrorCode::Draining,
    }
}
