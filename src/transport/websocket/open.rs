//! Opens a connection: registers it with the hub, or refuses it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, WriteHalf, split};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::authenticating::Authenticated;
use super::connection::Reader;
use super::read_half::ReadHalf;
use super::refusing::{finish, refuse};
use super::serving::WebSocketConnection;
use super::stream::{DynStream, Kind, Stream};
use crate::hub::{Client, ClientInfo, Link, Pipe};
use crate::node::{Admission, Node};
use crate::protocol::{CloseCode, ErrorCode};
use crate::session::NativeSession;
use crate::wire::{Decoder, Limits};

/// How long a peer that was refused has to end the stream. Nothing counts these connections.
const LINGER: Duration = Duration::from_secs(1);
/// How long the last bytes may take on a stream that a shard cannot write itself.
const MAX_LINGER: Duration = Duration::from_secs(10);

/// Registers a connection whose opening handshake is complete, if the policy allows it; otherwise
/// the peer gets a Close frame. `read_ahead` contains the bytes that arrived with the handshake.
/// Returns `None` if the connection was refused or the hub has shut down.
///
/// Nothing is read before [`WebSocketConnection::run`]. Spawn that as a task of its own: it is small,
/// and the futures that lead up to it are not.
pub async fn open<F>(
    node: Arc<Node>,
    tasks: &TaskTracker,
    (stream, read_ahead): (Stream, Bytes),
    info: ClientInfo,
    limits: Limits,
    session: F,
) -> Option<WebSocketConnection<F>> {
    let class = info.class;
    match node.admit(info, None).await {
        Ok(admission) => {
            let stream = (stream, read_ahead);
            open_admitted(node, tasks, stream, admission, limits, session).await
        }
        Err(refusal) => {
            let code = CloseCode::of_refused_connection(refusal.code);
            let frame = node.dialects().of(class).close(code, None);
            finish(stream, &[frame]).await;
            None
        }
    }
}

/// The same, for a connection that the policy has already allowed.
pub(super) async fn open_admitted<F>(
    node: Arc<Node>,
    tasks: &TaskTracker,
    stream: (Stream, Bytes),
    admission: Admission,
    limits: Limits,
    session: F,
) -> Option<WebSocketConnection<F>> {
    let decoder = Decoder::new(limits);
    make_known(node, tasks, stream, admission, decoder, session).await
}

/// The same, for a client that has authenticated with its first message.
pub(super) async fn open_authenticated(
    node: Arc<Node>,
    tasks: TaskTracker,
    authenticated: Authenticated,
) -> Option<WebSocketConnection<impl FnOnce(Arc<Client>) -> NativeSession + Send + 'static>> {
    let Authenticated {
        stream,
        admission,
        decoder,
        session,
    } = authenticated;
    let stream = (stream, Bytes::new());
    let session = |client| session.into_native(client);
    make_known(node, &tasks, stream, admission, decoder, session).await
}

async fn make_known<F>(
    node: Arc<Node>,
    tasks: &TaskTracker,
    (stream, read_ahead): (Stream, Bytes),
    mut admission: Admission,
    decoder: Decoder,
    session: F,
) -> Option<WebSocketConnection<F>> {
    let peer = stream.tcp().and_then(|socket| socket.peer_addr().ok());
    admission.set_remote(peer);
    let class = admission.info().class;
    let (read_half, link, pipe) = match stream.0 {
        Kind::Tcp(stream) => (ReadHalf::Tcp(stream.clone()), Link::Tcp(stream), None),
        Kind::Tls(socket) => (ReadHalf::Tls(socket.clone()), Link::Tls(socket), None),
        Kind::Other(stream) => {
            let (read_half, write_half) = split(stream);
            let pipe = Arc::<Pipe>::default();
            let link = Link::Pipe(pipe.clone());
            (ReadHalf::Other(read_half), link, Some((pipe, write_half)))
        }
    };
    let client = match node.connect_admitted(admission, link).await {
        Ok(client) => client,
        Err(refusal) => {
            let stream = read_half.reunite(pipe.map(|(_, write_half)| write_half));
            if refusal.code == ErrorCode::TooManyOfUser {
                refuse(&node, stream, class, &refusal, None).await;
            } else {
                let code = CloseCode::of_refused_connection(refusal.code);
                let frame = node.dialects().of(class).close(code, None);
                finish(stream, &[frame]).await;
            }
            return None;
        }
    };
    if let Some((pipe, write_half)) = pipe {
        // Not earlier: if the hub had not accepted the pipe, nothing would ever end it.
        tasks.spawn(forward(pipe, write_half));
    }
    let reader = Reader {
        node,
        client,
        read_half,
        decoder,
    };
    Some(WebSocketConnection {
        reader,
        read_ahead,
        session,
    })
}

/// Writes a pipe's bytes to a stream until either ends.
async fn forward(pipe: Arc<Pipe>, mut stream: WriteHalf<DynStream>) {
    let mut bytes = Vec::new();
    while poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await {
        let written = tokio::select! {
            written = stream.write_all(&bytes) => written,
            // The peer reads nothing more.
            () = abandoned(&pipe) => return,
        };
        if written.is_err() {
            return pipe.abort();
        }
        bytes = Vec::new();
    }
    // If the peer does not read to the end of the stream, it is dropped anyway.
    let _ = timeout(LINGER, stream.shutdown()).await;
}

/// Waits until the shard has aborted the pipe, or until [`MAX_LINGER`] after it has closed it.
async fn abandoned(pipe: &Pipe) {
    poll_fn(|cx| pipe.poll_ended(cx)).await;
    let _ = timeout(MAX_LINGER, poll_fn(|cx| pipe.poll_aborted(cx))).await;
}
