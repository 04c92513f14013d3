//! Connecting: a client is registered and its link handed to a shard.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::Hub;
use super::client::Client;
use super::client_info::ClientInfo;
use super::shard::{Entry, HubClosed, Link};
use crate::wire::Frame;

impl Hub {
    /// Registers a client and hands its link to a shard. Returns `Ok(None)` if the id is
    /// already in use. Never waits.
    pub fn connect(
        &self,
        id: Uuid,
        info: ClientInfo,
        link: Link,
    ) -> Result<Option<Arc<Client>>, HubClosed> {
        self.connect_and_greet(id, info, link, None)
    }

    /// The same; `greeting` comes before anything else that the client receives.
    pub fn connect_and_greet(
        &self,
        id: Uuid,
        info: ClientInfo,
        link: Link,
        greeting: Option<Frame>,
    ) -> Result<Option<Arc<Client>>, HubClosed> {
        let shard = self.next_shard.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len();
        let attached = link.is_attached();
        let client = Arc::new(Client::new(id, info, shard, attached));
        // Locked until the entry is in the mailbox. A caller that finds the client in the registry
        // has to wait until then, so the observer's first call about the client is this one, and
        // the shard's first entry for it is Connect.
        let memberships = client.memberships.lock();
        if !self.registry.insert_client(&client) {
            return Ok(None);
        }
        self.notifier
            .notify(|observer| client.with_view(|client| observer.connected(client)));
        let entry = Entry::Connect {
            client: client.clone(),
            link,
        };
        if attached {
            self.metrics.connections_total.add(1);
            self.links.fetch_add(1, Ordering::Relaxed);
            let mut everyone = self.everyone.state.lock();
            everyone.audience.add(shard);
            self.mailboxes.push(shard, entry)?;
            if let Some(frame) = greeting {
                let (client, charge) = (client.clone(), None);
                let greeting = Entry::Reply {
                    client,
                    frame,
                    charge,
                };
                self.mailboxes.push(shard, greeting)?;
            }
        } else {
            self.mailboxes.push(shard, entry)?;
        }
        drop(memberships);
        Ok(Some(client))
    }

    /// Releases the connection of a client that has disconnected. With `reset`, the socket is
    /// closed with a TCP reset, so that the kernel discards its unsent bytes. Never waits.
    pub fn release(&self, client: &Arc<Client>, reset: bool) -> Result<(), HubClosed> {
        if client.is_attached() {
            self.links.fetch_sub(1, Ordering::Relaxed);
        }
        let client = client.clone();
        self.mailboxes
            .push(client.shard, Entry::Release { client, reset })
    }
}
