//! The text of one client's events, read from its pipe.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::dialect::sse::{Encoder, Positions};
use crate::hub::{Client, ClientInfo, HubClosed, Link, Pipe};
use crate::node::Node;
use crate::protocol::{Refusal, Token};

/// The text of one client's events. Dropping it at any time spawns a task that disconnects the
/// client and releases its connection.
#[derive(Debug)]
pub struct EventStream {
    guard: ClientGuard,
    encoder: Encoder,
    /// Text was returned that the peer may not have taken yet.
    has_given: bool,
}

/// Disconnects the client when dropped, because no other task does.
#[derive(Debug)]
struct ClientGuard {
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    tasks: TaskTracker,
    runtime: Handle,
}

impl EventStream {
    /// Connects a client to the hub.
    ///
    /// Cancel safety: not cancel safe. If it is dropped before it returns, the client may stay
    /// connected, so run it in a task.
    pub(super) async fn connect(
        node: Arc<Node>,
        tasks: TaskTracker,
        (info, token): (ClientInfo, Option<&Token>),
        positions: Positions,
    ) -> Result<Self, Refusal> {
        let pipe = Arc::<Pipe>::default();
        let client = node.connect(info, token, Link::Pipe(pipe.clone())).await?;
        // The lowest bits of a client id are random.
        let encoder = Encoder::new(client.id().as_u128() as u32, positions);
        let guard = ClientGuard {
            node,
            client,
            pipe,
            tasks,
            runtime: Handle::current(),
        };
        Ok(Self {
            guard,
            encoder,
            has_given: false,
        })
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.guard.client
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.guard.tasks
    }

    /// The next complete events, or `None` after the last. Poll again only once the peer's
    /// kernel or HTTP server has accepted the previous text: that counts as a pong, because such a
    /// client answers no pings.
    ///
    /// Cancel safety: a poll either returns text or leaves it, so nothing is lost.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if std::mem::take(&mut self.has_given) {
            self.guard.client.record_pong();
        }
        loop {
            let text = self.encoder.next_chunk();
            if !text.is_empty() {
                self.has_given = true;
                return Poll::Ready(Some(text));
            }
            if self.encoder.has_ended() {
                return Poll::Ready(None);
            }
            if !ready!(self.guard.pipe.poll_read(cx, self.encoder.records_mut())) {
                return Poll::Ready(None);
            }
        }
    }

    /// Ready once the shard has aborted the stream: text not yet written need not be sent.
    pub(super) fn poll_aborted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.guard.pipe.poll_aborted(cx)
    }

    /// Ends all of the client's subscriptions. Dropping the stream releases the connection.
    pub(super) async fn leave(&self) -> Result<(), HubClosed> {
        self.guard.node.disconnect(&self.guard.client).await
    }
}

impl Drop for ClientGuard {
    fn drop(&mut self) {
        // So that the shard gets a broken pipe instead of filling one that nobody reads.
        self.pipe.abort();
        let (node, client) = (self.node.clone(), self.client.clone());
        let leave = async move {
            node.disconnect(&client).await?;
            node.release(&client, true)
        };
        // An error means that the hub has shut down, and there is nothing left to clean up.
        self.tasks.spawn_on(leave, &self.runtime);
    }
}
