//! Clients.

use uuid::Uuid;

use super::WebSocketServer;
use crate::error::DisconnectError;
use crate::handles::ClientHandle;
use crate::node::Page;

/// Clients.
impl WebSocketServer {
    /// The client with this id.
    pub fn client(&self, id: Uuid) -> Option<ClientHandle> {
        let client = self.node.client(id)?;
        Some(ClientHandle::new(self.node.clone(), client))
    }

    /// A page of the clients that have a connection, sorted by id, which is the order in which
    /// they connected: the first `limit` after the id `after`.
    pub fn clients(&self, after: Option<Uuid>, limit: usize) -> Page<ClientHandle> {
        let page = self.node.clients(after, limit);
        page.map(|client| ClientHandle::new(self.node.clone(), client))
    }

    /// The number of live connections.
    pub fn connection_count(&self) -> usize {
        self.node.connection_count()
    }

    /// Removes a client from all its rooms and channels, and closes its connection, if it has
    /// one, with code 4000. In each room, the other members get `user_left` once. Does nothing if
    /// no client has this id.
    pub async fn cleanup_client(&self, client_id: Uuid) -> Result<(), DisconnectError> {
        match self.client(client_id) {
            Some(client) => client.disconnect().await,
            None => Ok(()),
        }
    }
}
