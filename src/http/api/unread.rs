//! The memory of answers that peers have not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::Notify;

/// The HTTP library copies what it is about to write, and that copy is not counted. So an answer is
/// handed to it in pieces of this size.
const PIECE_BYTES: usize = 16 * 1024;

/// The bytes of the answers that peers have not read yet.
///
/// An answer is made while less than the limit is in use, because its size is known only then. So
/// the limit is exceeded by at most one answer for each task that makes one at the time.
#[derive(Debug)]
pub(super) struct UnreadAnswers {
    used: AtomicUsize,
    max_bytes: usize,
    /// Wakes all that wait for room.
    freed: Notify,
}

impl UnreadAnswers {
    pub(super) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            max_bytes,
            freed: Notify::new(),
        })
    }

    /// Whether another answer may be made.
    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::SeqCst) < self.max_bytes
    }

    /// Waits until another answer may be made.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn room(&self) {
        loop {
            // Created before the check, so that memory freed right after it is not missed.
            let freed = self.freed.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Counts an answer until it has been written, or never will be.
    pub(super) fn charge(self: &Arc<Self>, text: Vec<u8>) -> UnreadAnswer {
        self.used.fetch_add(text.len(), Ordering::SeqCst);
        let charged = Charged {
            text,
            all: self.clone(),
        };
        UnreadAnswer(Bytes::from_owner(charged))
    }
}

/// What has not been written of an answer yet. The whole answer counts until the last piece of it
/// has been written.
#[derive(Debug)]
pub(super) struct UnreadAnswer(Bytes);

impl Body for UnreadAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.0.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// The text of an answer until it has been written.
#[derive(Debug)]
struct Charged {
    text: Vec<u8>,
    all: Arc<UnreadAnswers>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.all.used.fetch_sub(self.text.len(), Ordering::SeqCst);
        if self.all.has_room() {
            self.all.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_large_answer_is_handed_over_in_pieces_and_counts_until_the_last_is_written() {
        let unread = UnreadAnswers::new(1);
        let text: Vec<u8> = (0..100_000).map(|index| index as u8).collect();
        let mut answer = unread.charge(text.clone());
        assert_eq!(answer.size_hint().exact(), Some(100_000));
        let mut written = Vec::new();
        while !answer.is_end_stream() {
            assert!(!unread.has_room(), "after {} bytes", written.len());
            let frame = poll_fn(|cx| Pin::new(&mut answer).poll_frame(cx)).await;
            let piece = frame.unwrap().unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES, "{}", piece.len());
            written.extend_from_slice(&piece);
        }
        assert_eq!(written, text);
        drop(answer);
        assert!(unread.has_room());
    }
}
