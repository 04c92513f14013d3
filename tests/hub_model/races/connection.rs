//! A client, and a task that replaces the transport.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::hub::{Client, ClientInfo, Link, Phase, Pipe};
use wavecast::node::Node;

use crate::frames::Received;
use crate::patience::within;

/// A client, and the task that does the work of its connection.
pub(super) struct Connection {
    pub(super) client: Arc<Client>,
    /// Cancelled when the peer is gone.
    pub(super) gone: CancellationToken,
    /// Returns what the client received.
    pub(super) task: JoinHandle<Received>,
}

impl Connection {
    pub(super) async fn open(node: &Arc<Node>, tasks: &TaskTracker, reads: bool) -> Self {
        let pipe = Arc::<Pipe>::default();
        let link = Link::Pipe(pipe.clone());
        let client = node
            .connect(ClientInfo::default(), None, link)
            .await
            .unwrap();
        let gone = CancellationToken::new();
        let task = serve(node.clone(), client.clone(), pipe, reads, gone.clone());
        Self {
            client,
            gone,
            task: tasks.spawn(task),
        }
    }
}

/// What the transport does: reads until the connection ends, leaves every topic, releases the
/// link.
async fn serve(
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    reads: bool,
    gone: CancellationToken,
) -> Received {
    let mut received = Received::default();
    let peer_ended = loop {
        let mut bytes = Vec::new();
        let open = poll_fn(|cx| {
            client.register_task(cx.waker());
            if client.phase() != Phase::Open {
                return Poll::Ready(false);
            }
            if reads {
                pipe.poll_read(cx, &mut bytes)
            } else {
                Poll::Pending
            }
        });
        let open = tokio::select! {
            open = open => open,
            () = gone.cancelled() => break true,
        };
        received.add(&bytes);
        if !open {
            break false;
        }
    };
    node.disconnect(&client).await.unwrap();
    if !peer_ended {
        // The peer reads up to the Close frame, regardless of who sent it.
        let rest = async {
            let mut bytes = Vec::new();
            while poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await {
                received.add(&bytes);
                bytes.clear();
            }
        };
        within("the end of the pipe", rest).await;
    }
    node.hub().release(&client, !peer_ended).unwrap();
    received
}
