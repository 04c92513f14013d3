//! The read loop of one connection: read, decode, pass to the session, end.
//!
//! There is one small task per connection. It reads into a buffer that all connections of a
//! worker thread share, so an idle connection owns none. It never writes: replies go through its
//! shard.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join;
use tokio::io::{AsyncWriteExt as _, WriteHalf, split};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::read_half::ReadHalf;
use super::stream::{DynStream, Kind, Stream};
use crate::hub::{Client, ClientInfo, HubClosed, Link, Phase, Pipe};
use crate::node::{Admission, Node};
use crate::protocol::CloseCode;
use crate::session::{InboundMessage, Session};
use crate::wire::{Decoder, Event, Frame, Limits};

const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Maximum number of pings per read that are answered: the newest.
const MAX_PINGS: usize = 16;
/// Reads that are discarded after a Close frame before other tasks get a turn: 1 MiB.
const READS_PER_TURN: usize = 16;
/// How long a peer that was refused has to end the stream. Nothing counts these connections.
const LINGER: Duration = Duration::from_secs(1);
/// How long the last bytes may take on a stream that a shard cannot write itself.
const MAX_LINGER: Duration = Duration::from_secs(10);
/// 1000, which answers a Close frame without a code.
const NORMAL_CLOSURE: u16 = 1000;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

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
    match node.admit(info).await {
        Ok(admission) => {
            let stream = (stream, read_ahead);
            open_admitted(node, tasks, stream, admission, limits, session).await
        }
        Err(refusal) => {
            let code = CloseCode::of_refused_connection(refusal.code);
            let frame = node.dialects().of(class).close(code, None);
            // A peer that does not read the frame is still disconnected.
            let _ = timeout(LINGER, stream.refuse(&frame)).await;
            None
        }
    }
}

/// The same, for a connection that the policy has already allowed.
pub async fn open_admitted<F>(
    node: Arc<Node>,
    tasks: &TaskTracker,
    (stream, read_ahead): (Stream, Bytes),
    mut admission: Admission,
    limits: Limits,
    session: F,
) -> Option<WebSocketConnection<F>> {
    let peer = stream.as_tcp().and_then(|socket| socket.peer_addr().ok());
    admission.set_remote(peer);
    let (read_half, link, pipe) = match stream.0 {
        Kind::Tcp(stream) => (ReadHalf::Tcp(stream.clone()), Link::Tcp(stream), None),
        Kind::Other(stream) => {
            let (read_half, write_half) = split(stream);
            let pipe = Arc::<Pipe>::default();
            let link = Link::Pipe(pipe.clone());
            (ReadHalf::Other(read_half), link, Some((pipe, write_half)))
        }
    };
    let client = node.connect_admitted(admission, link).await.ok()?;
    if let Some((pipe, write_half)) = pipe {
        // Not earlier: if the hub had not accepted the pipe, nothing would ever end it.
        tasks.spawn(forward(pipe, write_half));
    }
    let reader = Reader {
        node,
        client,
        read_half,
        decoder: Decoder::new(limits),
        read_ahead,
        pings: Vec::new(),
    };
    let reader = Box::new(reader);
    Some(WebSocketConnection { reader, session })
}

/// A connection that is registered with the hub, and from which nothing has been read yet.
pub struct WebSocketConnection<F> {
    /// Boxed, because the future returned by `run` would otherwise contain it several times, once
    /// per function that it is passed to.
    reader: Box<Reader>,
    session: F,
}

impl<F, S> WebSocketConnection<F>
where
    F: FnOnce(Arc<Client>) -> S,
    S: Session,
{
    /// Serves the connection until it has ended and everything is released.
    ///
    /// Cancel safety: not cancel safe. If it is dropped before it returns, the client stays in its
    /// rooms and channels.
    pub fn run(self) -> impl Future<Output = ()> + use<F, S> {
        self.reader.run(self.session)
    }
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

struct Reader {
    node: Arc<Node>,
    client: Arc<Client>,
    read_half: ReadHalf,
    decoder: Decoder,
    /// Bytes that arrived with the handshake and have not been decoded yet.
    read_ahead: Bytes,
    /// The newest pings of the last read. Older ones need no answer (RFC 6455 §5.5.3).
    pings: Vec<Box<[u8]>>,
}

/// Why reading stopped.
enum End {
    /// The peer ended the stream, or the socket failed.
    Stream,
    /// A Close frame must be sent, to answer the peer's or to report an error.
    Close(Box<Frame>),
    /// The shard is closing the connection: eviction, heartbeat timeout, drain, or an operator.
    Shard,
}

impl End {
    fn close(code: u16, reason: &str) -> Self {
        Self::Close(Box::new(Frame::close(code, reason)))
    }
}

impl Reader {
    async fn run<S: Session>(mut self: Box<Self>, session: impl FnOnce(Arc<Client>) -> S) {
        let reading = async {
            let mut session = session(self.client.clone());
            self.read(&mut session).await
        };
        let end = match AssertUnwindSafe(reading).catch_unwind().await {
            Ok(end) => end,
            Err(_panic) => {
                self.node.metrics().panics_total.add(1);
                tracing::error!(client = %self.client.id(), "a connection's task panicked");
                let dialect = self.node.dialects().of(self.client.class());
                End::Close(Box::new(dialect.close(CloseCode::InternalError, None)))
            }
        };
        // Boxed, so that the memory for the end is not reserved while the connection lives.
        // An error means that the hub has shut down, and there is nothing left to clean up.
        let _ = Box::pin(self.end(end)).await;
    }

    async fn read(&mut self, session: &mut impl Session) -> End {
        let read_ahead = std::mem::take(&mut self.read_ahead);
        let mut end = self.decode(session, &mut Vec::from(read_ahead));
        loop {
            if !self.process(session).await {
                return End::Stream;
            }
            if let Some(end) = end {
                return end;
            }
            end = poll_fn(|cx| self.poll_once(session, cx)).await;
        }
    }

    /// Reads once and decodes what was read.
    fn poll_once(&mut self, session: &mut impl Session, cx: &mut Context<'_>) -> Poll<Option<End>> {
        self.client.register_task(cx.waker());
        if self.client.phase() != Phase::Open {
            return Poll::Ready(Some(End::Shard));
        }
        READ_BUFFER.with_borrow_mut(|buffer| {
            Poll::Ready(match ready!(self.read_half.poll_read(cx, buffer)) {
                Ok(0) | Err(_) => Some(End::Stream),
                Ok(count) => self.decode(session, &mut buffer[..count]),
            })
        })
    }

    /// Decodes all of `bytes` and passes the messages to the session.
    fn decode(&mut self, session: &mut impl Session, mut bytes: &mut [u8]) -> Option<End> {
        loop {
            let (used, event) = match self.decoder.decode(bytes) {
                Ok(decoded) => decoded,
                Err(error) => {
                    let reason = error.to_string();
                    return Some(End::close(error.close_code(), &reason));
                }
            };
            match event? {
                Event::Text(text) => {
                    self.client.count_received(text.len());
                    session.accept(InboundMessage::Text(text));
                }
                Event::Binary(payload) => {
                    self.client.count_received(payload.len());
                    session.accept(InboundMessage::Binary(payload));
                }
                Event::TooLarge => session.accept(InboundMessage::TooLarge),
                Event::Ping(payload) => {
                    if self.pings.len() == MAX_PINGS {
                        self.pings.remove(0);
                    }
                    self.pings.push(payload.into());
                }
                Event::Pong(_) => self.client.record_pong(),
                // RFC 6455 §5.5.1: the answer echoes the code.
                Event::Close(close) => {
                    let code = close.map_or(NORMAL_CLOSURE, |close| close.code);
                    return Some(End::close(code, ""));
                }
            }
            bytes = &mut bytes[used..];
        }
    }

    /// Answers the decoded pings and lets the session work. Returns false if the hub has shut
    /// down.
    ///
    /// Backpressure: while it waits, nothing more is read.
    async fn process(&mut self, session: &mut impl Session) -> bool {
        for payload in std::mem::take(&mut self.pings) {
            let answered = self.node.pong(&self.client, &payload);
            if answered.is_err() {
                return false;
            }
        }
        !session.has_work() || Box::pin(session.perform()).await.is_ok()
    }

    /// Ends the connection: sends the Close frame if there is one, leaves all rooms and channels
    /// at once, and releases the socket when the peer has ended the stream too, or after a bounded
    /// wait.
    async fn end(mut self: Box<Self>, end: End) -> Result<(), HubClosed> {
        let peer_ended = matches!(end, End::Stream);
        if let End::Close(frame) = end {
            self.node.close_with(&self.client, *frame).await?;
        }
        // Side by side: a room whose shard is behind must not keep the peer from reading on.
        let (node, client) = (self.node.clone(), self.client.clone());
        let linger = async { peer_ended || self.linger().await };
        let (left, peer_ended) = join(node.disconnect(&client), linger).await;
        left?;
        node.release(&client, !peer_ended)
    }

    /// Reads and discards until the peer has ended the stream, and then returns true. Returns
    /// false if the shard resets the connection at the deadline that every Close has.
    ///
    /// However much the peer sends, all of it is read: a socket closed with unread bytes is
    /// reset, and a reset may overtake the Close frame.
    async fn linger(&mut self) -> bool {
        poll_fn(|cx| {
            self.client.register_task(cx.waker());
            for _ in 0..READS_PER_TURN {
                if self.client.phase() == Phase::Closed {
                    return Poll::Ready(false);
                }
                let read =
                    READ_BUFFER.with_borrow_mut(|buffer| self.read_half.poll_read(cx, buffer));
                if let Ok(0) | Err(_) = ready!(read) {
                    return Poll::Ready(true);
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}
