//! Clients, as an application sees them.

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

    /// A page of the clients that have a connection, in the order of connecting, which is the
    /// order of their ids: the first `limit` after the id `after`.
    pub fn clients(&self, after: Option<Uuid>, limit: usize) -> Page<ClientHandle> {
        let page = self.node.clients(after, limit);
        page.map(|client| ClientHandle::new(self.node.clone(), client))
    }

    /// The number of live connections.
    pub fn connection_count(&self) -> usize {
        self.node.connection_count()
    }

    /// Removes a client from every room and channel, and closes its connection, if it has one,
    /// with code 4000. Each room's other members get `user_left` once. If there is no client
    /// with this id, nothing happens.
    pub async fn cleanup_client(&self, client_id: Uuid) -> Result<(), DisconnectError> {
        match self.client(client_id) {
            Some(client) => client.disconnect().await,
            None => Ok(()),
        }
    }
}
