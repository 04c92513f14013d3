//! The task of one connection: read, decode, pass to the session, end.
//!
//! It is a future written by hand. While it waits for bytes, it is no more than a pointer to the
//! connection's state; what the session needs to work is allocated while it works.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::task::yield_now;

use super::connection::{End, READ_BUFFER, READ_BUFFER_BYTES, Reader};
use crate::hub::{Client, HubClosed, Phase, Received};
use crate::session::Session;

/// After this many reads in a row, or a large one, other tasks get a turn.
const READS_PER_TURN: u32 = 4;
/// A connection reads this much at any time. For more, it takes one of the node's few permits for
/// large reads: to decode and parse a full buffer keeps a worker thread for up to a fifth of a
/// millisecond, and others would wait for that once for each client that has sent much.
const SMALL_READ_BYTES: usize = 4 * 1024;

/// A connection that is registered with the hub, and from which nothing has been read yet.
pub struct WebSocketConnection<F> {
    pub(super) reader: Reader,
    /// Bytes that arrived with the handshake and have not been decoded yet.
    pub(super) read_ahead: Bytes,
    pub(super) session: F,
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
        Serving::start(self)
    }
}

/// The task of one connection.
struct Serving<S> {
    stage: Stage<S>,
}

enum Stage<S> {
    /// Waits for bytes.
    Reading(Box<Open<S>>),
    /// Lets the session work, or ends the connection, and then returns `None`.
    Working(Work<S>),
}

/// Boxed, so that an idle connection has no memory reserved for it.
type Work<S> = Pin<Box<dyn Future<Output = Option<Box<Open<S>>>> + Send>>;

/// A connection that is read from.
struct Open<S> {
    reader: Reader,
    session: S,
}

/// What follows a read.
enum Next {
    Read,
    /// There is probably more than a small read takes.
    ReadMuch,
    /// The session has work. Then the connection ends, if there is an end.
    Work(Option<End>),
    End(End),
}

impl<S: Session> Serving<S> {
    fn start<F: FnOnce(Arc<Client>) -> S>(connection: WebSocketConnection<F>) -> Self {
        let WebSocketConnection {
            reader,
            read_ahead,
            session,
        } = connection;
        let client = reader.client.clone();
        let stage = match catch_unwind(AssertUnwindSafe(|| session(client))) {
            Ok(session) => {
                let mut open = Box::new(Open { reader, session });
                let next = open.caught(|open| open.accept(&mut Vec::from(read_ahead)));
                Stage::after(open, next)
            }
            Err(_panic) => {
                let end = reader.panicked();
                Stage::Working(Box::pin(reader.finish(end)))
            }
        };
        Self { stage }
    }
}

impl<S: Session> Future for Serving<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut reads = 0;
        loop {
            let next = match &mut self.stage {
                Stage::Reading(_) if reads >= READS_PER_TURN => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Reading(open) => ready!(open.poll_once(cx, &mut reads)),
                Stage::Working(work) => {
                    let open = ready!(work.as_mut().poll(cx));
                    let ended = open.is_none();
                    self.stage = open.map_or_else(Stage::nothing, Stage::Reading);
                    if ended {
                        return Poll::Ready(());
                    }
                    continue;
                }
            };
            if !matches!(next, Next::Read)
                && let Stage::Reading(open) = std::mem::replace(&mut self.stage, Stage::nothing())
            {
                self.stage = Stage::after(open, next);
            }
        }
    }
}

impl<S: Session> Stage<S> {
    fn after(open: Box<Open<S>>, next: Next) -> Self {
        match next {
            Next::Read => Self::Reading(open),
            Next::ReadMuch => Self::Working(Box::pin(open.read_much())),
            Next::Work(end) => Self::Working(Box::pin(open.work(end))),
            Next::End(end) => Self::Working(Box::pin(open.reader.finish(end))),
        }
    }

    /// A placeholder while the stage is moved out. It allocates nothing.
    fn nothing() -> Self {
        Self::Working(Box::pin(pending()))
    }
}

impl<S: Session> Open<S> {
    /// Reads a little and decodes it. Counts the read; a large one follows only in the next turn.
    fn poll_once(&mut self, cx: &mut Context<'_>, reads: &mut u32) -> Poll<Next> {
        let (is_full, next) = ready!(self.poll_read(cx, SMALL_READ_BYTES));
        *reads += 1;
        Poll::Ready(match next {
            Next::Read if is_full => {
                *reads = READS_PER_TURN;
                Next::ReadMuch
            }
            next => next,
        })
    }

    /// Receives at most `limit` bytes and decodes them. Also returns whether there were as many.
    fn poll_read(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<(bool, Next)> {
        self.reader.client.register_task(cx.waker());
        if self.reader.client.phase() != Phase::Open {
            return Poll::Ready((false, Next::End(End::Shard)));
        }
        READ_BUFFER.with_borrow_mut(|buffer| {
            let read = ready!(self.reader.read_half.poll_read(cx, buffer, limit));
            Poll::Ready(match read {
                Err(_) => (false, Next::End(End::Stream)),
                Ok(Received { count, is_full }) => {
                    let next = self.caught(|open| open.accept(&mut buffer[..count]));
                    (is_full, next)
                }
            })
        })
    }

    /// Reads once, at most a full buffer, when it has a permit and nothing else is ready to run.
    ///
    /// It does not notice before that the connection is being closed. That takes long only while
    /// many clients send much, since a permit is never kept while waiting for anything else.
    async fn read_much(mut self: Box<Self>) -> Option<Box<Self>> {
        let node = self.reader.node.clone();
        // The semaphore is never closed.
        let permit = node.large_reads().acquire().await;
        // A task that yields runs after those that are ready, or when the worker thread next looks
        // for events.
        yield_now().await;
        let read = poll_fn(|cx| {
            Poll::Ready(match self.poll_read(cx, READ_BUFFER_BYTES) {
                Poll::Ready((_, next)) => next,
                Poll::Pending => Next::Read,
            })
        });
        let next = read.await;
        drop(permit);
        match next {
            Next::Read | Next::ReadMuch => Some(self),
            Next::Work(end) => Box::pin(self.work(end)).await,
            Next::End(end) => Box::pin(self.reader.finish(end)).await,
        }
    }

    /// Decodes bytes, answers the pings in them and passes the messages to the session.
    fn accept(&mut self, bytes: &mut [u8]) -> Next {
        let Self { reader, session } = self;
        let mut pings = Vec::new();
        let end = reader.decode(session, bytes, &mut pings);
        for payload in pings {
            let answered = reader.node.pong(&reader.client, &payload);
            if answered.is_err() {
                return Next::End(End::Stream);
            }
        }
        match end {
            end if session.has_work() => Next::Work(end),
            Some(end) => Next::End(end),
            None => Next::Read,
        }
    }

    /// Lets the session work. Then the connection ends, if there is an end.
    ///
    /// Backpressure: while it works, nothing more is read.
    async fn work(mut self: Box<Self>, end: Option<End>) -> Option<Box<Self>> {
        let performing = AssertUnwindSafe(self.session.perform()).catch_unwind();
        let end = match performing.await {
            Ok(Ok(())) => end,
            Ok(Err(HubClosed)) => Some(End::Stream),
            Err(_panic) => Some(self.reader.panicked()),
        };
        match end {
            None => Some(self),
            // Boxed, so that the memory for the end is not reserved for each piece of work.
            Some(end) => Box::pin(self.reader.finish(end)).await,
        }
    }

    /// Calls `f`; if it panics, the connection ends. It also ends if `f` leaves a part of a message
    /// for which there is no room.
    fn caught(&mut self, f: impl FnOnce(&mut Self) -> Next) -> Next {
        let held = self.reader.decoder.held_bytes();
        let next = catch_unwind(AssertUnwindSafe(|| f(self)))
            .unwrap_or_else(|_panic| Next::End(self.reader.panicked()));
        match (next, self.reader.charge(held)) {
            (Next::Read, Some(end)) => Next::End(end),
            (Next::Work(None), Some(end)) => Next::Work(Some(end)),
            (next, _) => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::NativeSession;

    /// With tokio's header and the tracker's token, the task is then 128 bytes.
    #[test]
    fn an_idle_task_is_no_more_than_a_pointer_and_what_it_points_to_is_small() {
        assert!(size_of::<Serving<NativeSession>>() <= 16);
        assert!(size_of::<Open<NativeSession>>() <= 112);
    }
}
