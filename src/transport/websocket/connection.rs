//! The life of one connection: read, decode, hand to the session, end.
//!
//! One small task a connection. It reads into a buffer that all connections of a worker
//! share, so an idle connection owns none. It never writes: replies go through its shard.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::io::{AsyncWriteExt as _, WriteHalf, split};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::read_half::ReadHalf;
use super::stream::{DynStream, Kind, Stream};
use crate::hub::{Client, ClientInfo, HubClosed, Link, Phase, Pipe};
use crate::node::{Admission, Node};
use crate::protocol::CloseCode;
use crate::session::{InboundMessage, Session};
use crate::wire::{Decoder, Event, Frame, Limits};

const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Pings of one read that are answered; of more, the oldest are not.
const MAX_PINGS: usize = 16;
/// Bytes read and thrown away from a peer that was sent a Close frame, so that it reads
/// the frame instead of a reset.
const MAX_LINGER_BYTES: usize = 256 * 1024;
/// How long a peer that closed, or broke the protocol, may take to end the stream.
const LINGER: Duration = Duration::from_secs(1);
/// How long the last bytes of a stream may take that a shard cannot write itself.
const MAX_LINGER: Duration = Duration::from_secs(10);
/// 1000: answers a Close frame that gave no code.
const NORMAL_CLOSURE: u16 = 1000;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// Makes a connection known whose opening handshake is done, if the policy allows it; else the
/// peer gets a Close frame. `None` then, and when the hub was shut down. `read_ahead` are bytes
/// that came with the handshake.
///
/// Nothing is read before [`WebSocketConnection::run`], which belongs on a task of its own: it is
/// small, and what led up to it is not.
pub async fn open<F>(
    node: Arc<Node>,
    tasks: &TaskTracker,
    (stream, read_ahead): (Stream, Bytes),
    info: ClientInfo,
    limits: Limits,
    session: F,
) -> Option<WebSocketConnection<F>> {
    match node.admit(info).await {
        Ok(admission) => {
            let stream = (stream, read_ahead);
            open_admitted(node, tasks, stream, admission, limits, session).await
        }
        Err(refusal) => {
            let code = CloseCode::of_refused_connection(refusal.code);
            let frame = Frame::close(code.code(), code.reason());
            // A peer that does not take it is dropped all the same.
            let _ = timeout(LINGER, stream.refuse(&frame)).await;
            None
        }
    }
}

/// The same for a connection that the policy has allowed before.
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
    let (read_half, link, carried) = match stream.0 {
        Kind::Tcp(stream) => (ReadHalf::Tcp(stream.clone()), Link::Tcp(stream), None),
        Kind::Other(stream) => {
            let (read_half, write_half) = split(stream);
            let pipe = Arc::<Pipe>::default();
            let carried = Some((pipe.clone(), write_half));
            (ReadHalf::Other(read_half), Link::Pipe(pipe), carried)
        }
    };
    let client = node.connect_admitted(admission, link).await.ok()?;
    if let Some((pipe, write_half)) = carried {
        // Not before: nobody would end a pipe that the hub did not take.
        tasks.spawn(carry(pipe, write_half));
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

/// A connection that is known to the hub and not yet read from.
pub struct WebSocketConnection<F> {
    /// Boxed: as a part of the future below it would be there several times over, once
    /// for each function that takes it.
    reader: Box<Reader>,
    session: F,
}

impl<F, S> WebSocketConnection<F>
where
    F: FnOnce(Arc<Client>) -> S,
    S: Session,
{
    /// Serves the connection until it has ended and nothing of it is left.
    ///
    /// Cancel safety: none; dropped half-way, the client stays in its rooms.
    pub fn run(self) -> impl Future<Output = ()> + use<F, S> {
        self.reader.run(self.session)
    }
}

/// Carries a pipe's bytes to a stream until either ends.
async fn carry(pipe: Arc<Pipe>, mut stream: WriteHalf<DynStream>) {
    let mut bytes = Vec::new();
    while poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await {
        let written = tokio::select! {
            written = stream.write_all(&bytes) => written,
            // The peer takes nothing more.
            () = given_up(&pipe) => return,
        };
        if written.is_err() {
            return pipe.abort();
        }
        bytes = Vec::new();
    }
    // A peer that does not take the end of the stream is dropped all the same.
    let _ = timeout(LINGER, stream.shutdown()).await;
}

/// Waits until the shard has aborted the pipe, or has ended it a while ago.
async fn given_up(pipe: &Pipe) {
    poll_fn(|cx| pipe.poll_ended(cx)).await;
    let _ = timeout(MAX_LINGER, poll_fn(|cx| pipe.poll_aborted(cx))).await;
}

struct Reader {
    node: Arc<Node>,
    client: Arc<Client>,
    read_half: ReadHalf,
    decoder: Decoder,
    /// What came with the handshake, until it is decoded.
    read_ahead: Bytes,
    /// The newest pings of the last read; older ones need no answer (RFC 6455 §5.5.3).
    pings: Vec<Box<[u8]>>,
}

/// Why reading stopped.
enum End {
    /// The peer ended the stream, or the socket failed.
    Stream,
    /// A Close frame goes out: the answer to the peer's, or the reason for an error.
    Close(Box<Frame>),
    /// The shard closes the connection: eviction, silence, drain, an operator.
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
                let code = CloseCode::InternalError;
                End::close(code.code(), code.reason())
            }
        };
        // Boxed, so that a connection that lives on does not hold the room for its end.
        // An error means that the hub is gone, and with it all there is to clean up.
        let _ = Box::pin(self.end(end)).await;
    }

    async fn read(&mut self, session: &mut impl Session) -> End {
        let read_ahead = std::mem::take(&mut self.read_ahead);
        let mut end = self.decode(session, &mut Vec::from(read_ahead));
        loop {
            if !self.settle(session).await {
                return End::Stream;
            }
            if let Some(end) = end {
                return end;
            }
            end = poll_fn(|cx| self.poll_once(session, cx)).await;
        }
    }

    /// Reads once and decodes what came.
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

    /// Decodes all of `bytes`; the session keeps what it needs.
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
                Event::Pong(_) => self.client.note_pong(Instant::now()),
                // RFC 6455 §5.5.1: the answer echoes the code.
                Event::Close(close) => {
                    let code = close.map_or(NORMAL_CLOSURE, |close| close.code);
                    return Some(End::close(code, ""));
                }
            }
            bytes = &mut bytes[used..];
        }
    }

    /// Carries out what was decoded, which may wait; nothing is read meanwhile. False when
    /// the hub is gone.
    async fn settle(&mut self, session: &mut impl Session) -> bool {
        for payload in std::mem::take(&mut self.pings) {
            let answered = Box::pin(self.node.pong(&self.client, &payload)).await;
            if answered.is_err() {
                return false;
            }
        }
        !session.has_work() || Box::pin(session.perform()).await.is_ok()
    }

    /// Ends the connection: the peer is told why, every room is left at once, and the
    /// socket goes when the peer has ended the stream too, or after a bounded wait.
    async fn end(mut self: Box<Self>, end: End) -> Result<(), HubClosed> {
        let peer_ended = matches!(end, End::Stream);
        if let End::Close(frame) = end {
            self.node.close_with(&self.client, *frame, LINGER).await?;
        }
        self.node.disconnect(&self.client).await?;
        let peer_ended = peer_ended || self.linger().await;
        self.node.release(&self.client, !peer_ended).await
    }

    /// Reads and throws away until the peer has ended the stream (true), the shard has cut
    /// it off at the deadline that every Close has, or the peer has sent more than a peer
    /// that is closing sends.
    async fn linger(&mut self) -> bool {
        let mut bytes = 0;
        poll_fn(|cx| {
            self.client.register_task(cx.waker());
            loop {
                if self.client.phase() == Phase::Closed || bytes > MAX_LINGER_BYTES {
                    return Poll::Ready(false);
                }
                let read =
                    READ_BUFFER.with_borrow_mut(|buffer| self.read_half.poll_read(cx, buffer));
                match ready!(read) {
                    Ok(0) | Err(_) => return Poll::Ready(true),
                    Ok(count) => bytes += count,
                }
            }
        })
        .await
    }
}
