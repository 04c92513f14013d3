//! What the connections of one worker share.

use super::audit::auditor::Auditor;
use super::close_cause::CloseCause;
use super::link::{self, Link};
use super::run_state::RunState;
use crate::wire::frame_reader::FrameReader;
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::JoinSet;

/// The most that one read takes.
const READ_BYTES: usize = 64 * 1024;

/// The read buffer and the auditor of one worker. Connections are tasks on the worker's thread, so none of them
/// holds a borrow across an `.await`.
pub(crate) struct WorkerContext {
    buffer: Vec<u8>,
    /// What was decrypted; only with TLS.
    plain: Vec<u8>,
    pub(crate) auditor: Auditor,
    /// The relays of half-open connections.
    pub(crate) relays: JoinSet<()>,
}

impl WorkerContext {
    pub(crate) fn new(auditor: Auditor) -> Self {
        Self {
            buffer: vec![0; READ_BYTES],
            plain: Vec::new(),
            auditor,
            relays: JoinSet::new(),
        }
    }
}

/// Reads once into the worker's buffer, after the bytes left over from the last read, and audits every complete frame.
///
/// # Errors
/// The connection has ended.
pub(crate) fn poll_read(
    cx: &mut Context<'_>,
    link: &mut Link,
    frames: &mut FrameReader,
    state: &RunState,
    context: &RefCell<WorkerContext>,
    local: usize,
) -> Poll<Result<(), CloseCause>> {
    let WorkerContext {
        buffer,
        plain,
        auditor,
        ..
    } = &mut *context.borrow_mut();
    let kept = frames.tail().len();
    if buffer.len() < kept + READ_BYTES {
        buffer.resize(kept + READ_BYTES, 0);
    }
    let mut free = ReadBuf::new(&mut buffer[kept..kept + READ_BYTES]);
    // Tokio's `poll_read` knows that a short read has emptied the socket, which saves the read that would return
    // `WouldBlock`.
    ready!(Pin::new(&mut link.read).poll_read(cx, &mut free))
        .map_err(|e| CloseCause::Io(e.kind()))?;
    let length = free.filled().len();
    if length == 0 {
        return Poll::Ready(Err(CloseCause::EndOfStream));
    }
    let now_ns = state.clock.now_ns();
    if link.tls.is_some() {
        plain.clear();
        plain.extend_from_slice(frames.tail());
        link::open(&link.tls, &buffer[kept..kept + length], plain)
            .map_err(|error| CloseCause::Io(error.kind()))?;
        return Poll::Ready(frames.feed(plain, |frame| auditor.on_frame(local, &frame, now_ns)));
    }
    buffer[..kept].copy_from_slice(frames.tail());
    Poll::Ready(frames.feed(&buffer[..kept + length], |frame| {
        auditor.on_frame(local, &frame, now_ns)
    }))
}
