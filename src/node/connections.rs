//! Connections: how they begin and end, and what operators can see of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;
use uuid::Uuid;

use super::Node;
use super::admission::{Admission, notify_disconnect};
use super::page::Page;
use super::refusals::join_error_code;
use super::rooms::departure_notice;
use super::unavailable::Unavailable;
use crate::hub::{
    Client, ClientInfo, HubClosed, JoinError, JoinOptions, Link, Metrics, Sent, Topic,
};
use crate::protocol::{ChannelName, CloseCode, Refusal, Token, TopicKind, UserId};
use crate::wire::Frame;

/// How long a shard with work may go without a turn before the node counts as dead.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A live connection, as an operator sees it.
#[derive(Debug, Clone)]
pub struct LiveConnection {
    /// The client.
    pub client: Arc<Client>,
    /// What was sent to it, and what waits in its outbox.
    pub sent: Sent,
}

impl Node {
    /// Registers a connection under a new id, if the policy allows it. A user's connection
    /// is subscribed to `$user:<id>`. One that arrives during a drain gets the shutdown notice
    /// and is closed.
    pub async fn connect(
        &self,
        info: ClientInfo,
        token: Option<&Token>,
        link: Link,
    ) -> Result<Arc<Client>, Refusal> {
        let admission = self.admit(info, token).await?;
        self.connect_admitted(admission, link).await
    }

    /// Registers a connection that the policy has already allowed.
    pub async fn connect_admitted(
        &self,
        mut admission: Admission,
        link: Link,
    ) -> Result<Arc<Client>, Refusal> {
        if admission.is_from_nowhere() {
            // The address may have become known since then.
            admission.set_address_place(self.enter_address(admission.info().remote)?);
        }
        let connected = self.try_connect(admission, link).await;
        connected.map_err(|error| self.refuse_connect(error))
    }

    /// The refusal of a client that the hub did not let connect, or become a user.
    pub(super) fn refuse_connect(&self, error: JoinError) -> Refusal {
        match error {
            JoinError::Full => self.too_many_of_user(),
            error => join_error_code(error).into(),
        }
    }

    async fn try_connect(
        &self,
        admission: Admission,
        link: Link,
    ) -> Result<Arc<Client>, JoinError> {
        // The token comes first: either the drain waits until the client is known, and tells
        // it like the others, or this sees the drain.
        let connecting = self.connecting.token();
        if !self.is_draining() {
            return self.make_known(admission, link).await;
        }
        let _latecomer = self.latecomers.token();
        drop(connecting);
        // Not known earlier, so that it is told once.
        let notice = self.announcement.made().await;
        let client = self.make_known(admission, link).await?;
        if let Some(notice) = notice {
            let frame = notice.encode(client.class(), None);
            if let Err(Unavailable::Closed(closed)) = self.send_frame(&client, frame).await {
                return Err(closed.into());
            }
        }
        self.close(&client, CloseCode::GoingAway, None).await?;
        Ok(client)
    }

    pub(super) async fn make_known(
        &self,
        mut admission: Admission,
        link: Link,
    ) -> Result<Arc<Client>, JoinError> {
        let info = admission.info().clone();
        admission.leave_queue();
        let greeting = admission.take_greeting();
        let id = admission.id();
        let connected = self.hub.connect_and_greet(id, info, link, greeting)?;
        // Time-ordered ids do not collide. The id is taken only if an application chose it for
        // a member without a connection.
        let client = connected.ok_or(JoinError::Disconnected)?;
        admission.connected();
        if let Some(user) = client.user()
            && let Err(error) = self.subscribe_to_user(&client, &user).await
        {
            self.disconnect(&client).await?;
            // Not reset: the transport tells the peer why.
            self.release(&client, false)?;
            return Err(error);
        }
        self.expiry_list.add(&client);
        // Once more, now that the client is where a revocation looks for it.
        if self.refuse_revoked(client.identity().as_deref()).is_err() {
            self.close_revoked(&client).await;
        }
        tracing::debug!(
            client = %client.id(),
            remote = ?client.remote(),
            user = ?client.user().as_ref().map(UserId::as_str),
            transport = ?client.transport(),
            "connected"
        );
        Ok(client)
    }

    /// Counts the client as a connection of its user, in whose channel it receives from now on.
    ///
    /// Errors: `Full` if the user has its maximum number of connections.
    pub(super) async fn subscribe_to_user(
        &self,
        client: &Arc<Client>,
        user: &UserId,
    ) -> Result<(), JoinError> {
        let (kind, channel) = (TopicKind::Channel, ChannelName::of_user(user));
        let name = channel.as_shared();
        let options = JoinOptions {
            max_members: match self.options.limits.connections_per_user {
                0 => usize::MAX,
                max => max,
            },
            ..JoinOptions::default()
        };
        let join = self.hub.join(client, kind, name, options, |_, _| None);
        // As long as for the decision before it: a refusal here costs another handshake.
        let joined = timeout_at(self.policy_deadline(), join).await;
        joined.unwrap_or(Err(JoinError::Overloaded)).map(drop)
    }

    /// The client with this id. If there is none, one without a connection is registered.
    pub fn client_or_detached(&self, id: Uuid) -> Result<Arc<Client>, HubClosed> {
        loop {
            if let Some(client) = self.hub.client(id) {
                return Ok(client);
            }
            let info = ClientInfo::default();
            if let Some(client) = self.hub.connect(id, info, Link::Detached)? {
                return Ok(client);
            }
        }
    }

    /// Removes the client from all its rooms and channels. Each room gets `user_left` once.
    ///
    /// Backpressure: a room waits while a shard with members is behind; the others do not.
    pub async fn disconnect(&self, client: &Arc<Client>) -> Result<(), HubClosed> {
        let last = self
            .hub
            .disconnect(client, |topic| {
                let notice = departure_notice(client, topic)?;
                Some(self.outgoing(notice))
            })
            .await?;
        if last {
            self.expiry_list.remove(client);
            for (channel, identity) in self.channel_identities.forget(client.id()) {
                self.expiry_list
                    .remove_grant(client.id(), &channel, &identity);
            }
        }
        if last && client.is_attached() {
            tracing::debug!(client = %client.id(), code = client.close_code(), "disconnected");
            client.with_view(|client| notify_disconnect(&*self.policy, client));
        }
        Ok(())
    }

    /// Closes a client's connection, behind what is already queued for it.
    pub async fn close(
        &self,
        client: &Arc<Client>,
        code: CloseCode,
        reason: Option<&str>,
    ) -> Result<(), HubClosed> {
        tracing::debug!(client = %client.id(), code = code.code(), ?reason, "closing");
        let frame = self.dialect_of(client).close(code, reason);
        self.close_with(client, code.code(), frame).await
    }

    /// Sends a Close frame with this code behind what is queued for the client: the answer to the
    /// peer's own, or the code of a protocol violation. After the close timeout, the socket is reset.
    pub async fn close_with(
        &self,
        client: &Arc<Client>,
        code: u16,
        frame: Frame,
    ) -> Result<(), HubClosed> {
        client.record_close(code);
        let linger = self.hub.close_timeout();
        self.hub.close(client, frame, linger).await
    }

    /// Releases the connection of a client that was disconnected. With `reset`, the socket is
    /// reset, so that the kernel keeps no unsent bytes.
    pub fn release(&self, client: &Arc<Client>, reset: bool) -> Result<(), HubClosed> {
        let remote = client.remote();
        self.addresses.leave(remote.map(|remote| remote.ip()));
        self.hub.release(client, reset)
    }

    /// Answers a WebSocket ping, ahead of the messages in the outbox.
    pub fn pong(&self, client: &Arc<Client>, payload: &[u8]) -> Result<(), HubClosed> {
        self.hub.pong(client, Frame::pong(payload))
    }

    /// The client with this id.
    pub fn client(&self, id: Uuid) -> Option<Arc<Client>> {
        self.hub.client(id)
    }

    /// The room or channel of this name, if it has members or a history.
    pub fn topic(&self, kind: TopicKind, name: &str) -> Option<Arc<Topic>> {
        self.hub.topic(kind, name)
    }

    /// The hub's metrics.
    pub fn metrics(&self) -> &Metrics {
        self.hub.metrics()
    }

    /// The number of live connections.
    pub fn connection_count(&self) -> usize {
        self.hub.connections()
    }

    /// The number of connections whose sockets are not released yet: the live ones and the
    /// closing ones.
    pub fn links(&self) -> usize {
        self.hub.links()
    }

    /// The number of closing connections: those whose sockets are not released yet.
    pub fn closing_count(&self) -> usize {
        self.hub.links().saturating_sub(self.hub.connections())
    }

    /// Bytes that all outboxes take together.
    pub fn outbox_bytes(&self) -> usize {
        self.hub.outbox_bytes()
    }

    /// Bytes that all histories hold together.
    pub fn history_bytes(&self) -> usize {
        self.hub.history_bytes()
    }

    /// Maximum number of rooms and channels of one client.
    pub fn max_topics_per_client(&self) -> usize {
        self.hub.max_topics_per_client()
    }

    /// Whether every shard makes progress: none has had work waiting for ten seconds without a
    /// turn. Answers at once, however busy they are.
    pub fn is_alive(&self) -> bool {
        self.hub.is_alive(STALL_TIMEOUT)
    }

    /// Returns when a shard has panicked. Its clients are lost, so the process should be
    /// restarted.
    pub async fn failed(&self) {
        self.hub.failed().await;
    }

    /// Returns when every shard has answered. Give it a deadline.
    pub async fn probe(&self) -> Result<(), HubClosed> {
        self.hub.probe().await
    }

    /// A page of the clients that have a live connection, ordered by id, which is the order
    /// in which they connected.
    pub fn clients(&self, after: Option<Uuid>, limit: usize) -> Page<Arc<Client>> {
        let key = |client: &Arc<Client>| client.id();
        Page::read(after.as_ref(), limit, key, |after, limit| {
            self.hub.attached_clients(after.copied(), limit)
        })
    }

    /// A page of the live connections, ordered as in [`clients`](Self::clients).
    pub async fn connections(
        &self,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Page<LiveConnection>, HubClosed> {
        let page = self.clients(after, limit);
        let sent = self.hub.inspect(&page.items).await?;
        let items = page.items.into_iter().zip(sent);
        Ok(Page {
            items: items
                .map(|(client, sent)| LiveConnection { client, sent })
                .collect(),
            total: page.total,
            more: page.more,
        })
    }

    /// The live connection with this id.
    pub async fn connection(&self, id: Uuid) -> Result<Option<LiveConnection>, HubClosed> {
        let Some(client) = self.hub.client(id).filter(|client| client.is_attached()) else {
            return Ok(None);
        };
        let sent = self.hub.inspect(std::slice::from_ref(&client)).await?;
        let sent = sent.first().copied().unwrap_or_default();
        Ok(Some(LiveConnection { client, sent }))
    }

    /// A page of the rooms or channels that have members, ordered by name, without the
    /// server's own channels.
    pub fn topics(&self, kind: TopicKind, after: Option<&str>, limit: usize) -> Page<Arc<Topic>> {
        let key = |topic: &Arc<Topic>| topic.name().clone();
        let after = after.map(Arc::from);
        Page::read(after.as_ref(), limit, key, |after, limit| {
            self.hub
                .occupied_topics(kind, after.map(|name| &**name), limit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::LimitOptions;

    #[tokio::test]
    async fn an_ipv4_peer_has_an_ipv4_address_even_if_its_socket_is_of_ipv6() {
        let node = Node::with_limits(LimitOptions::default());
        for (peer, shown) in [
            ("[::ffff:192.0.2.1]:7", "192.0.2.1:7"),
            ("192.0.2.1:7", "192.0.2.1:7"),
            ("[fe80::1%3]:7", "[fe80::1%3]:7"),
        ] {
            let remote = Some(peer.parse().unwrap());
            let info = ClientInfo {
                remote,
                ..ClientInfo::default()
            };
            let mut admission = node.admit(info, None).await.unwrap();
            let shown = Some(shown.parse().unwrap());
            assert_eq!(admission.info().remote, shown, "{peer}");
            admission.set_remote(remote);
            assert_eq!(admission.info().remote, shown, "{peer}");
        }
    }
}
