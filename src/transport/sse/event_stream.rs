//! One client's events, from its pipe to whoever carries them.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::dialect::sse::{Encoder, Positions};
use crate::hub::{Client, ClientInfo, HubClosed, Link, Pipe};
use crate::node::Node;
use crate::protocol::Refusal;

/// The text of one client's events. Whoever drops it, at whatever moment, disconnects the
/// client and releases its place, on a task of its own.
#[derive(Debug)]
pub struct EventStream {
    guest: Guest,
    encoder: Encoder,
}

/// A client that has no task which would see it out.
#[derive(Debug)]
struct Guest {
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    tasks: TaskTracker,
    runtime: Handle,
}

impl EventStream {
    /// Makes a client known to the hub. Run it on a task: dropped half-way, it would leave
    /// the client behind.
    pub(super) async fn connect(
        node: Arc<Node>,
        tasks: TaskTracker,
        info: ClientInfo,
        positions: Positions,
    ) -> Result<Self, Refusal> {
        let pipe = Arc::<Pipe>::default();
        let client = node.connect(info, Link::Pipe(pipe.clone())).await?;
        // The last bits of a client's id are random.
        let encoder = Encoder::new(client.id().as_u128() as u32, positions);
        let guest = Guest {
            node,
            client,
            pipe,
            tasks,
            runtime: Handle::current(),
        };
        Ok(Self { guest, encoder })
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.guest.client
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.guest.tasks
    }

    /// The next whole events, `None` behind the last. To be asked again only when what
    /// came before has been taken by the peer's side: that is what counts as a sign of
    /// life, since such a client answers no pings.
    ///
    /// Cancel safety: nothing is lost, a poll either gives text or does not.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        self.guest.client.record_pong(Instant::now());
        loop {
            let text = self.encoder.take_text();
            if !text.is_empty() {
                return Poll::Ready(Some(text));
            }
            if self.encoder.has_ended() {
                return Poll::Ready(None);
            }
            if !ready!(self.guest.pipe.poll_read(cx, self.encoder.frames())) {
                return Poll::Ready(None);
            }
        }
    }

    /// Ready once what waits is not worth sending any more.
    pub(super) fn poll_aborted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.guest.pipe.poll_aborted(cx)
    }

    /// Takes the client out of everything it is in; its place is released by the drop.
    pub(super) async fn leave(&self) -> Result<(), HubClosed> {
        self.guest.node.disconnect(&self.guest.client).await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // The shard meets a broken pipe instead of filling one that nobody reads.
        self.pipe.abort();
        let (node, client) = (self.node.clone(), self.client.clone());
        let leave = async move {
            node.disconnect(&client).await?;
            node.release(&client, true).await
        };
        // An error means that the hub is gone, and with it all there is to clean up.
        self.tasks.spawn_on(leave, &self.runtime);
    }
}
