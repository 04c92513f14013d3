//! A handle to a client.

use std::sync::Arc;

use uuid::Uuid;

use crate::error::ServerError;
use crate::hub::Client;
use crate::node::Node;
use crate::protocol::{CloseCode, ServerMessage, TopicKind};

/// A client; cheap to clone. It may disconnect while the handle is held.
#[derive(Debug, Clone)]
pub struct ClientHandle {
    node: Arc<Node>,
    client: Arc<Client>,
}

impl ClientHandle {
    pub(crate) fn new(node: Arc<Node>, client: Arc<Client>) -> Self {
        Self { node, client }
    }

    /// The client's id.
    pub fn id(&self) -> Uuid {
        self.client.id()
    }

    /// The authenticated subject.
    pub fn user(&self) -> Option<&str> {
        self.client.user()
    }

    /// The rooms the client is in.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.topics(TopicKind::Room)
    }

    /// The channels the client is subscribed to.
    pub fn channels(&self) -> Vec<Arc<str>> {
        self.topics(TopicKind::Channel)
    }

    fn topics(&self, kind: TopicKind) -> Vec<Arc<str>> {
        let topics = self.client.topics().into_iter();
        let of_kind = topics.filter(|topic| topic.kind() == kind);
        of_kind.map(|topic| topic.name().clone()).collect()
    }

    /// Sends a message to this client alone, in order with everything else it gets.
    pub async fn send(&self, message: ServerMessage<'_>) -> Result<(), ServerError> {
        Ok(self.node.reply(&self.client, &message, None).await?)
    }

    /// Closes the connection (4000) with a reason, behind what already waits for it.
    pub async fn close(&self, reason: &str) -> Result<(), ServerError> {
        let code = CloseCode::ClosedByOperator;
        Ok(self.node.close(&self.client, code, Some(reason)).await?)
    }

    /// Takes the client out of everything it is in, and closes its connection if it has one.
    pub(crate) async fn disconnect(&self) -> Result<(), ServerError> {
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
