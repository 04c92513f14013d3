//! The clients with a connection, in the order in which lists show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use uuid::Uuid;

use super::client::Client;
use super::sorted::values_after;

/// The clients with a connection, sorted by id, which is the order of connecting.
///
/// Only lists read it, so that looking up a client takes no lock that all share.
///
/// Locks: a client's memberships, then this.
#[derive(Debug, Default)]
pub(super) struct ClientIndex(RwLock<BTreeMap<Uuid, Arc<Client>>>);

impl ClientIndex {
    pub(super) fn insert(&self, client: &Arc<Client>) {
        self.0.write().insert(client.id(), client.clone());
    }

    pub(super) fn remove(&self, client: &Client) {
        self.0.write().remove(&client.id());
    }

    /// The first `limit` clients after the id `after`, and the number of all.
    pub(super) fn page(&self, after: Option<Uuid>, limit: usize) -> (Vec<Arc<Client>>, usize) {
        let clients = self.0.read();
        (values_after(&clients, after.as_ref(), limit), clients.len())
    }
}
