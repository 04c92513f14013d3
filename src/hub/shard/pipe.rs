//! A bounded pipe of bytes from a shard to a task that owns the real stream.
//!
//! For streams whose bytes a shard cannot write itself: TLS, HTTP/2, an in-memory stream
//! of a test. The outbox, its bounds and its order are the same as for a socket; the pipe
//! only stands where the kernel's send buffer would.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Bytes that may wait in a pipe. Full: the shard keeps the rest in the outbox.
const CAPACITY: usize = 16 * 1024;

/// One pipe. The shard is its only writer and one task its only reader.
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
    /// More bytes may come.
    #[default]
    Open,
    /// The bytes that wait are the last.
    Closed,
    /// Bytes that wait are not worth sending any more.
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

    /// Ends the pipe behind the bytes that wait.
    pub fn close(&self) {
        self.end(End::Closed);
    }

    /// Ends the pipe and drops the bytes that wait.
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

    /// Ready once the writer has ended the pipe, whether bytes still wait or not.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_end(cx, |end| end != End::Open)
    }

    /// Ready once the bytes that were taken are not worth sending any more.
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

    /// Takes all bytes that wait into `out`. `Ready(false)` is the end.
    ///
    /// Cancel safety: nothing is lost, a poll either takes bytes or does not.
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
