//! A handle to a client.

use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::error::{DisconnectError, SendError};
use crate::hub::{Client, Phase};
use crate::node::Node;
use crate::protocol::{CloseCode, ServerMessage, TopicKind, UserId};

/// A handle to a client; cheap to clone.
///
/// The client may disconnect while the handle is held: see
/// [`is_connected`](Self::is_connected).
#[derive(Debug, Clone)]
pub struct ClientHandle {
    node: Arc<Node>,
    client: Arc<Client>,
}

impl ClientHandle {
    pub(crate) fn new(node: Arc<Node>, client: Arc<Client>) -> Self {
        Self { node, client }
    }

    /// The client's id. Ids of connections increase in the order of connecting.
    pub fn id(&self) -> Uuid {
        self.client.id()
    }

    /// The client's user, if it is authenticated.
    pub fn user(&self) -> Option<UserId> {
        self.client.user()
    }

    /// The address of the connection's peer, if there is one.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.client.remote()
    }

    /// Whether the client has a connection that is not being closed.
    pub fn is_connected(&self) -> bool {
        self.client.is_attached() && self.client.phase() == Phase::Open
    }

    /// The names of the rooms that the client is in.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.topics(TopicKind::Room)
    }

    /// The names of the channels that the client is subscribed to.
    pub fn channels(&self) -> Vec<Arc<str>> {
        self.topics(TopicKind::Channel)
    }

    fn topics(&self, kind: TopicKind) -> Vec<Arc<str>> {
        let topics = self.client.topics().into_iter();
        let of_kind = topics.filter(|topic| topic.kind() == kind);
        of_kind.map(|topic| topic.name().clone()).collect()
    }

    /// Sends a message to this client only. If the client has disconnected, nothing is sent,
    /// and that is not an error.
    ///
    /// Ordering: in order with everything else that the client receives.
    ///
    /// Backpressure: waits for room in the mailbox of the client's shard, at most for
    /// `publish.timeout`. If the message does
    /// not fit in the client's outbox, the client is evicted (close code 1013).
    pub async fn send(&self, message: ServerMessage<'_>) -> Result<(), SendError> {
        Ok(self.node.send(&self.client, &message).await?)
    }

    /// Closes the connection with code 4000 and a reason, after everything that was already
    /// sent to the client. The reason is cut to 123 bytes.
    ///
    /// After code 4000, clients may reconnect. A client that does not answer within 5 seconds
    /// is disconnected.
    pub async fn close(&self, reason: &str) -> Result<(), DisconnectError> {
        let code = CloseCode::ClosedByOperator;
        Ok(self.node.close(&self.client, code, Some(reason)).await?)
    }

    /// Removes the client from all its rooms and channels, and closes its connection, if it has
    /// one.
    pub(crate) async fn disconnect(&self) -> Result<(), DisconnectError> {
        if self.client.is_attached() {
            // Closed first: then the connection's task releases it, even if this call is dropped.
            self.close(CloseCode::ClosedByOperator.reason()).await?;
        }
        self.node.disconnect(&self.client).await?;
        if !self.client.is_attached() {
            self.node.release(&self.client, false)?;
        }
        Ok(())
    }
}
