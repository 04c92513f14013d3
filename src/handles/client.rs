//! A handle to a client.

use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::dialect::native::encode;
use crate::error::{DisconnectError, SendError};
use crate::hub::{Client, Phase};
use crate::node::Node;
use crate::protocol::{CloseCode, ServerMessage, TopicKind};

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

    /// The client's id. Ids of connections grow in the order of connecting.
    pub fn id(&self) -> Uuid {
        self.client.id()
    }

    /// The id of the client's user, if it is authenticated.
    pub fn user(&self) -> Option<&str> {
        self.client.user()
    }

    /// The address of the connection's peer, if it is known.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.client.remote()
    }

    /// Whether the client has a connection, and it is not being closed.
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

    /// Sends a message to this client alone. To a client that has disconnected, nothing is
    /// sent, and this is not an error.
    ///
    /// Ordering: in order with everything else that the client receives.
    ///
    /// Backpressure: waits for a place in the mailbox of the client's shard. A message that
    /// does not fit in the client's outbox evicts the client (close code 1013).
    pub async fn send(&self, message: ServerMessage<'_>) -> Result<(), SendError> {
        Ok(self.node.send(&self.client, encode(&message, None)).await?)
    }

    /// Closes the connection with code 4000 and a reason (at most 123 bytes; a longer one is
    /// cut), after everything that was already sent to the client.
    ///
    /// Code 4000 lets a client reconnect. A client that does not answer within 5 seconds is
    /// disconnected.
    pub async fn close(&self, reason: &str) -> Result<(), DisconnectError> {
        let code = CloseCode::ClosedByOperator;
        Ok(self.node.close(&self.client, code, Some(reason)).await?)
    }

    /// Removes the client from everything it is in, and closes its connection if it has one.
    pub(crate) async fn disconnect(&self) -> Result<(), DisconnectError> {
        if self.client.is_attached() {
            // Closed first: its own task then releases it, also when this call is dropped.
            self.close(CloseCode::ClosedByOperator.reason()).await?;
        }
        self.node.disconnect(&self.client).await?;
        if !self.client.is_attached() {
            self.node.release(&self.client, false)?;
        }
        Ok(())
    }
}
