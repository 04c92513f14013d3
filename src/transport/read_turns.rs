//! Fair reading: a connection that sends much waits its turn.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

/// A connection reads this much at any time.
const SMALL_READ_BYTES: usize = 4 * 1024;
/// And this much in a turn: enough for the largest header section.
const TURN_BYTES: usize = 64 * 1024;

/// When a connection may read. If a small read leaves more to read, it waits for one of a few
/// permits, and then until nothing else is ready to run. It has the permit only while its task is
/// polled, and so while it parses and answers what it has read.
pub(super) struct ReadTurns {
    permits: Arc<Semaphore>,
    state: State,
}

enum State {
    /// A small read is allowed.
    Free,
    /// It may read again when its turn has come.
    Blocked,
    /// It wants to.
    Waiting(Waiting),
    /// It may read this many bytes.
    Turn {
        left: usize,
        _permit: OwnedSemaphorePermit,
    },
}

type Waiting = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

impl ReadTurns {
    pub(super) fn new(permits: Arc<Semaphore>) -> Self {
        Self {
            permits,
            state: State::Free,
        }
    }

    /// Reads from `source` if the connection may. Otherwise, [`poll_turn`](Self::poll_turn) wakes
    /// the task when it may.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let allowed = match &self.state {
            State::Free => SMALL_READ_BYTES,
            State::Turn { left, .. } if *left > 0 => *left,
            State::Waiting(_) => return Poll::Pending,
            State::Blocked | State::Turn { .. } => {
                self.state = State::Waiting(Box::pin(turn(self.permits.clone())));
                return Poll::Pending;
            }
        };
        let limit = allowed.min(buffer.remaining());
        let filled = buffer.filled().len();
        let mut source = source.take(limit as u64);
        let read = Pin::new(&mut source).poll_read(cx, buffer);
        let count = buffer.filled().len() - filled;
        match &mut self.state {
            // At most `left`, which was the limit.
            State::Turn { left, .. } => *left -= count,
            // Otherwise, everything that has arrived was read.
            state if count == limit => *state = State::Blocked,
            _ => {}
        }
        read
    }

    /// Ends the connection's turn, and returns whether it has its next one: then it can read. To be
    /// called when its task has been polled.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Turn { left, .. } = self.state {
            let count = TURN_BYTES - left;
            // One that has sent much takes a turn for what follows too, even if that is only the end:
            // many such connections may end at once.
            self.state = if (1..SMALL_READ_BYTES).contains(&count) {
                State::Free
            } else {
                State::Blocked
            };
        }
        let State::Waiting(waiting) = &mut self.state else {
            return Poll::Pending;
        };
        match waiting.as_mut().poll(cx) {
            Poll::Ready(Some(permit)) => {
                self.state = State::Turn {
                    left: TURN_BYTES,
                    _permit: permit,
                };
                Poll::Ready(())
            }
            // The semaphore is never closed.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Does not wait any more until it next tries to read.
    pub(super) fn give_up(&mut self) {
        if !matches!(self.state, State::Free) {
            self.state = State::Blocked;
        }
    }
}

/// Waits for a permit, and then until nothing else is ready to run.
async fn turn(permits: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let permit = permits.acquire_owned().await.ok();
    // A task that yields runs after those that are ready, or when the worker thread next looks for
    // events.
    yield_now().await;
    permit
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Cursor;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    struct Reader {
        turns: ReadTurns,
        source: Cursor<Vec<u8>>,
    }

    impl Reader {
        /// A connection on which this many bytes have arrived.
        fn new(permits: &Arc<Semaphore>, bytes: usize) -> Self {
            Self {
                turns: ReadTurns::new(permits.clone()),
                source: Cursor::new(vec![b'x'; bytes]),
            }
        }

        /// The bytes that one read returns, or `None` if it has to wait.
        fn read(&mut self, cx: &mut Context<'_>) -> Option<usize> {
            let mut memory = vec![0; 32 * 1024];
            let mut buffer = ReadBuf::new(&mut memory);
            match self.turns.poll_read(cx, &mut self.source, &mut buffer) {
                Poll::Ready(read) => {
                    read.expect("a read");
                    Some(buffer.filled().len())
                }
                Poll::Pending => None,
            }
        }

        /// Reads as a task does that is polled once.
        async fn poll(&mut self) -> Vec<usize> {
            poll_fn(|cx| {
                let reads = std::iter::from_fn(|| self.read(cx)).take(10).collect();
                let _ = self.turns.poll_turn(cx);
                Poll::Ready(reads)
            })
            .await
        }

        async fn wait(&mut self) {
            let turn = timeout(PATIENCE, poll_fn(|cx| self.turns.poll_turn(cx)));
            turn.await.expect("a turn");
        }
    }

    #[tokio::test]
    async fn a_connection_reads_little_at_any_time_and_much_in_its_turn() {
        let permits = Arc::new(Semaphore::new(1));
        let mut reader = Reader::new(&permits, 4096 + 64 * 1024 + 10);
        assert_eq!(reader.poll().await, [4096]);
        reader.wait().await;
        assert_eq!(reader.poll().await, [32 * 1024, 32 * 1024]);
        reader.wait().await;
        assert_eq!(reader.poll().await[0], 10);
        assert_eq!(permits.available_permits(), 1);

        let mut reader = Reader::new(&Arc::new(Semaphore::new(0)), 4095);
        assert_eq!(reader.poll().await[0], 4095, "no permit is needed");
    }

    #[tokio::test]
    async fn without_a_permit_it_waits_and_others_read_little() {
        let permits = Arc::new(Semaphore::new(1));
        let (mut first, mut second) = (Reader::new(&permits, 9000), Reader::new(&permits, 9000));
        assert_eq!(first.poll().await, [4096]);
        assert_eq!(second.poll().await, [4096]);
        first.wait().await;
        assert_eq!(second.poll().await, [0; 0]);
        assert!(second.poll().await.is_empty());
        assert_eq!(first.poll().await[0], 9000 - 4096);
        second.wait().await;
        assert_eq!(second.poll().await[0], 9000 - 4096);
    }

    #[tokio::test]
    async fn a_turn_that_is_not_used_does_not_keep_the_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let mut reader = Reader::new(&permits, 9000);
        reader.poll().await;
        reader.wait().await;
        let none = poll_fn(|cx| Poll::Ready(reader.turns.poll_turn(cx))).await;
        assert!(none.is_pending());
        assert_eq!(permits.available_permits(), 1);

        assert_eq!(reader.poll().await, [0; 0]);
        reader.turns.give_up();
        assert_eq!(permits.available_permits(), 1);
        assert_eq!(reader.poll().await, [0; 0]);
        reader.wait().await;
        assert_eq!(reader.poll().await[0], 9000 - 4096);
    }
}
