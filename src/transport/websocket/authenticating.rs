//! The wait for the token of a client that did not bring one with its opening handshake.
//!
//! The connection is not known to the hub yet: it is in no channel, and no shard owns it. So this
//! is the only place that writes to a WebSocket beside its shard.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::connection::{READ_BUFFER, READ_BUFFER_BYTES, TOO_MANY_CONTROL_FRAMES};
use super::refusing::{finish, refuse};
use super::stream::Stream;
use crate::hub::{ClientInfo, Received};
use crate::limits::Limit;
use crate::node::{Admission, Node, Unauthenticated};
use crate::protocol::{CloseCode, Json, Refusal};
use crate::session::{InboundMessage, Step, UnauthenticatedSession};
use crate::wire::{Decoder, Event, Frame, Limits};

/// Maximum size of a message of a client that nobody knows: a token, and a few commands beside it.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Read at once from a client that nobody knows.
const READ_BYTES: usize = READ_BUFFER_BYTES / 16;

/// A client that has authenticated with its first message.
pub(super) struct Authenticated {
    pub(super) stream: Stream,
    pub(super) admission: Admission,
    pub(super) decoder: Decoder,
    pub(super) session: UnauthenticatedSession,
}

/// How the wait ended without a token that is accepted.
enum Failure {
    /// The peer ended the stream.
    Gone,
    /// With a Close frame.
    Close(Frame),
    /// The token was refused. `id` is that of the command.
    Refused { refusal: Refusal, id: Option<Json> },
}

/// What a client that is not known yet sends.
struct Waiting<'a> {
    node: &'a Arc<Node>,
    stream: Stream,
    decoder: Decoder,
    /// Bytes of the decoder that are charged to the total of all connections.
    charged: usize,
    session: UnauthenticatedSession,
    /// Whether the last read was a full one.
    sends_much: bool,
}

/// Reads until the client has sent a token that is accepted. Until then, only `auth` and pings are
/// answered. Returns `None` if the connection has ended: the client did not authenticate in time
/// (4500), or its token was refused.
///
/// Cancel safety: if it is dropped, the connection is.
pub(super) async fn authenticate(
    node: &Arc<Node>,
    (stream, read_ahead): (Stream, Bytes),
    info: ClientInfo,
    place: Unauthenticated,
    limits: Limits,
) -> Option<Authenticated> {
    let mut waiting = Waiting {
        node,
        stream,
        decoder: Decoder::new(Limits {
            max_message_bytes: limits.max_message_bytes.min(MAX_MESSAGE_BYTES),
            ..limits
        }),
        charged: 0,
        session: UnauthenticatedSession::new(node.clone()),
        sends_much: false,
    };
    let auth_timeout = node.tokens()?.auth_timeout;
    let class = info.class;
    let close = |code: CloseCode| Failure::Close(node.dialects().of(class).close(code, None));
    let admitted = tokio::select! {
        admitted = waiting.admitted(read_ahead, info, place) => admitted,
        () = sleep(auth_timeout) => {
            node.count_limited(Limit::AuthTimeout);
            Err(close(CloseCode::AuthenticationRequired))
        }
        () = node.drain_begun() => Err(close(CloseCode::GoingAway)),
    };
    match admitted {
        Ok(admission) => Some(waiting.into_authenticated(admission, limits)),
        Err(failure) => {
            let stream = waiting.into_stream();
            match failure {
                Failure::Gone => {}
                Failure::Close(frame) => finish(stream, &[frame]).await,
                Failure::Refused { refusal, id } => {
                    refuse(node, stream, class, &refusal, id.as_ref()).await;
                }
            }
            None
        }
    }
}

impl Waiting<'_> {
    async fn admitted(
        &mut self,
        read_ahead: Bytes,
        info: ClientInfo,
        place: Unauthenticated,
    ) -> Result<Admission, Failure> {
        let mut pongs = Vec::new();
        let mut decoded = self.decode(&mut Vec::from(read_ahead), &mut pongs);
        loop {
            self.write(&std::mem::take(&mut pongs)).await?;
            while let Some(step) = self.session.next_step() {
                let (token, id) = match step {
                    Step::Reply(text) => {
                        self.write(&[Frame::text(text.into())]).await?;
                        continue;
                    }
                    Step::Authenticate { token, id } => (token, id),
                    Step::Close(code) => {
                        let dialect = self.node.dialects().of(info.class);
                        return Err(Failure::Close(dialect.close(code, None)));
                    }
                };
                // It is not counted twice.
                drop(place);
                let admitted = self.node.admit(info, Some(&token)).await;
                return match admitted {
                    Ok(mut admission) => {
                        admission.greet_as_authenticated(self.node.dialects(), id.as_ref());
                        Ok(admission)
                    }
                    Err(refusal) => Err(Failure::Refused { refusal, id }),
                };
            }
            decoded?;
            decoded = self.read(&mut pongs).await;
        }
    }

    /// Reads once and decodes.
    ///
    /// One that sends a lot takes turns with all others that do, as after authentication.
    async fn read(&mut self, pongs: &mut Vec<Frame>) -> Result<(), Failure> {
        let node = self.node.clone();
        let mut permit = None;
        if self.sends_much {
            // The semaphore is never closed.
            permit = node.large_reads().acquire().await.ok();
            yield_now().await;
        }
        let read = self.read_once(pongs);
        let read = match &permit {
            // A permit is not kept while waiting for bytes.
            Some(_) => read.now_or_never(),
            None => Some(read.await),
        };
        drop(permit);
        if let Some(read) = read {
            return read;
        }
        self.sends_much = false;
        self.read_once(pongs).await
    }

    async fn read_once(&mut self, pongs: &mut Vec<Frame>) -> Result<(), Failure> {
        poll_fn(|cx| {
            READ_BUFFER.with_borrow_mut(|buffer| {
                Poll::Ready(match self.stream.poll_read(cx, buffer, READ_BYTES) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => Err(Failure::Gone),
                    Poll::Ready(Ok(Received { count, is_full })) => {
                        self.sends_much = is_full;
                        self.decode(&mut buffer[..count], pongs)
                    }
                })
            })
        })
        .await
    }

    fn decode(&mut self, mut bytes: &mut [u8], pongs: &mut Vec<Frame>) -> Result<(), Failure> {
        loop {
            let (used, event) = match self.decoder.decode(bytes) {
                Ok(decoded) => decoded,
                Err(error) => {
                    let frame = Frame::close(error.close_code(), &error.to_string());
                    return Err(Failure::Close(frame));
                }
            };
            match event {
                None => return self.charge(),
                Some(Event::Text(text) | Event::Binary(text)) => {
                    self.session.accept(InboundMessage::Text(text));
                }
                Some(Event::TooLarge) => self.session.accept(InboundMessage::TooLarge),
                Some(Event::Ping(_) | Event::Pong(_)) if !self.session.accept_control_frame() => {
                    let (code, reason) = TOO_MANY_CONTROL_FRAMES;
                    return Err(Failure::Close(Frame::close(code, reason)));
                }
                Some(Event::Ping(payload)) => {
                    // The newest is enough (RFC 6455 §5.5.3).
                    pongs.clear();
                    pongs.push(Frame::pong(payload));
                }
                Some(Event::Pong(_)) => {}
                Some(Event::Close(close)) => {
                    let code = close.map_or(1000, |close| close.code);
                    return Err(Failure::Close(Frame::close(code, "")));
                }
            }
            bytes = &mut bytes[used..];
        }
    }

    /// Charges what the decoder holds of an incomplete message to the total of all connections.
    fn charge(&mut self) -> Result<(), Failure> {
        let held = self.decoder.held_bytes();
        if self
            .node
            .unauthenticated_messages()
            .change(self.charged, held)
        {
            self.charged = held;
            return Ok(());
        }
        Err(Failure::Close(Frame::close(
            CloseCode::Overloaded.code(),
            CloseCode::Overloaded.reason(),
        )))
    }

    async fn write(&mut self, frames: &[Frame]) -> Result<(), Failure> {
        self.stream.write(frames).await.map_err(|_| Failure::Gone)
    }

    /// The connection goes on; the reader pays for what the decoder holds.
    fn into_authenticated(mut self, admission: Admission, limits: Limits) -> Authenticated {
        self.release();
        self.decoder.set_limits(limits);
        Authenticated {
            stream: self.stream,
            admission,
            decoder: self.decoder,
            session: self.session,
        }
    }

    fn into_stream(mut self) -> Stream {
        self.release();
        self.stream
    }

    fn release(&mut self) {
        self.node.unauthenticated_messages().change(self.charged, 0);
        self.charged = 0;
    }
}
