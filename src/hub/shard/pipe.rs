//! A bounded byte pipe from a shard to the task that owns the actual stream.
//!
//! Used for streams that a shard cannot write itself: TLS, HTTP/2, or an in-memory stream in
//! a test. The client's outbox works as it does for a socket; the pipe only takes the place of
//! the kernel's send buffer.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Capacity of a pipe, in bytes. While it is full, the shard keeps the rest in the outbox.
const CAPACITY: usize = 16 * 1024;

/// A byte pipe with one writer, the shard, and one reader, a task.
#[derive(Debug, Default)]
pub struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    end: End,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More bytes may follow.
    #[default]
    Open,
    /// No bytes follow those in the pipe.
    Closed,
    /// The bytes in the pipe have been discarded and none follow; bytes already read need not
    /// be sent any more.
    Aborted,
}

impl Pipe {
    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.end != End::Open {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = CAPACITY.saturating_sub(state.bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(room)];
            state.bytes.extend(part);
            written += part.len();
            room -= part.len();
        }
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        Ok(written)
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.bytes.len() < CAPACITY || state.end != End::Open {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends the pipe after the bytes that are in it.
    pub fn close(&self) {
        self.end(End::Closed);
    }

    /// Ends the pipe and discards the bytes that are in it.
    pub fn abort(&self) {
        self.end(End::Aborted);
    }

    fn end(&self, end: End) {
        let mut state = self.0.lock();
        if state.end == End::Aborted {
            return;
        }
        state.end = end;
        if end == End::Aborted {
            state.bytes = VecDeque::new();
        }
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    /// Ready once the pipe is closed or aborted, even if it still holds bytes.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_end(cx, |end| end != End::Open)
    }

    /// Ready once the pipe is aborted: bytes already read need not be sent any more.
    pub fn poll_aborted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_end(cx, |end| end == End::Aborted)
    }

    fn poll_end(&self, cx: &mut Context<'_>, awaited: impl Fn(End) -> bool) -> Poll<()> {
        let mut state = self.0.lock();
        if awaited(state.end) {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Moves all bytes in the pipe to the end of `out`. `Ready(false)` means that the pipe has
    /// ended.
    ///
    /// Cancel safety: a poll either moves bytes or leaves them, so nothing is lost.
    pub fn poll_read(&self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<bool> {
        let mut state = self.0.lock();
        if !state.bytes.is_empty() {
            let bytes = std::mem::take(&mut state.bytes);
            let (front, back) = bytes.as_slices();
            out.extend_from_slice(front);
            out.extend_from_slice(back);
            if let Some(writer) = state.writer.take() {
                writer.wake();
            }
            return Poll::Ready(true);
        }
        if state.end != End::Open {
            return Poll::Ready(false);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}
