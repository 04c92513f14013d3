//! A request body that is read line by line, for as long as the peer sends it.

use std::future::poll_fn;
use std::io::BufRead as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::{BodyBudget, BodyCharge, NO_MEMORY};
use super::content::BROKEN_BODY;
use crate::protocol::{ErrorCode, Refusal};

/// How long the rest of a body is read and discarded.
const LINGER: Duration = Duration::from_secs(1);
/// How long a line may take from its first byte to its end.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Initial size of the buffer for a line that arrives in parts.
const FIRST_BYTES: usize = 1024;

/// The lines of a body. They end with LF or CRLF; the last one may end with the body. Blank lines
/// are skipped.
///
/// Memory: what was read last, and at most one line. Both are charged to the budget.
#[derive(Debug)]
pub(in crate::http) struct BodyLines {
    source: Body,
    /// Maximum size of a line, in bytes.
    limit: usize,
    charge: BodyCharge,
    /// What was read last, without the lines that were taken from it.
    read: Bytes,
    /// The bytes that were read last.
    read_bytes: usize,
    /// Whether there was no memory for `read`, so that its lines are refused.
    is_over_budget: bool,
    /// The beginning of a line that was not in `read` as a whole. Bound: `limit`, and a CR.
    begun: Vec<u8>,
    /// When that line must be complete.
    deadline: Option<Instant>,
    /// Whether the current line was refused, and its rest is skipped.
    is_skipping: bool,
    /// The number of the current line, from 1. Blank lines count.
    number: u64,
    has_ended: bool,
}

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Line {
    /// Its number in the body, from 1. Blank lines count.
    pub(in crate::http) number: u64,
    /// The text without the end of the line, or why it was not kept.
    pub(in crate::http) text: Result<Bytes, Refusal>,
}

impl BodyLines {
    /// The lines of `source`, of at most `limit` bytes each.
    pub(in crate::http) fn new(source: Body, limit: usize, budget: &Arc<BodyBudget>) -> Self {
        Self {
            source,
            limit,
            charge: budget.charge(),
            read: Bytes::new(),
            read_bytes: 0,
            is_over_budget: false,
            begun: Vec::new(),
            deadline: None,
            is_skipping: false,
            number: 1,
            has_ended: false,
        }
    }

    /// Lets a peer that waits for `100 Continue` send its body. hyper sends that when it reads for
    /// the first time after the body was polled, unless the response has begun by then.
    ///
    /// Errors: the body is broken from its beginning.
    pub(in crate::http) async fn invite(&mut self) -> Result<(), Refusal> {
        let mut is_invited = false;
        poll_fn(|cx| {
            if is_invited {
                return Poll::Ready(Ok(()));
            }
            is_invited = true;
            match Pin::new(&mut self.source).poll_frame(cx) {
                // It did not wait.
                Poll::Ready(Some(Ok(frame))) => {
                    self.receive(frame.into_data().unwrap_or_default());
                    Poll::Ready(Ok(()))
                }
                Poll::Ready(Some(Err(_))) => Poll::Ready(Err(broken())),
                Poll::Ready(None) | Poll::Pending => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Reads on when [`next`](Self::next) has no more lines. False at the end of the body, after
    /// which there may be a last line. A line that has begun has to be complete ten seconds later,
    /// or it is refused: what it holds is not there for others.
    ///
    /// Errors: the body ended early, or its chunks are invalid. The current line is not complete.
    ///
    /// Cancel safety: nothing is lost.
    pub(in crate::http) async fn read(&mut self) -> Result<bool, Refusal> {
        self.read_bytes = 0;
        self.charge.lower_to(self.begun.capacity());
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.source).poll_frame(cx));
            let frame = match self.deadline {
                None => frame.await,
                Some(deadline) => match timeout_at(deadline, frame).await {
                    Ok(frame) => frame,
                    // `next` refuses the line.
                    Err(_elapsed) => return Ok(true),
                },
            };
            match frame {
                None => {
                    self.has_ended = true;
                    return Ok(false);
                }
                // The other kind of frame is a trailer.
                Some(frame) => {
                    let frame = frame.map_err(|_broken| broken())?;
                    if let Ok(bytes) = frame.into_data() {
                        self.receive(bytes);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The number of the current line, from 1.
    pub(in crate::http) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the rest of the body and discards it, for a while. If the connection were closed while
    /// the peer still sends, its kernel could discard answers that it has received.
    pub(in crate::http) async fn discard_rest(mut self) {
        let mut source = Pin::new(&mut self.source);
        let rest =
            async { while let Some(Ok(_)) = poll_fn(|cx| source.as_mut().poll_frame(cx)).await {} };
        // It is not needed.
        let _ = timeout(LINGER, rest).await;
    }

    /// Parses a line: a long one when it is its turn among all long bodies.
    pub(in crate::http) async fn parse<R>(
        &mut self,
        text: &[u8],
        parse: impl FnOnce(&[u8]) -> R,
    ) -> R {
        self.charge.turns().parse(text, parse).await
    }

    fn receive(&mut self, bytes: Bytes) {
        self.read_bytes = bytes.len();
        let held = self.begun.capacity() + bytes.len();
        self.is_over_budget = !self.charge.raise_to(held);
        self.read = bytes;
    }

    /// The next line of what was read.
    pub(in crate::http) fn next(&mut self) -> Option<Line> {
        let is_late = |deadline| Instant::now() >= deadline;
        if self.read.is_empty() && !self.has_ended && self.deadline.is_some_and(is_late) {
            return Some(self.refuse_late_line());
        }
        while !self.read.is_empty() {
            let mut rest: &[u8] = &self.read;
            // The fastest search of the standard library. It cannot fail on a slice.
            let length = rest.skip_until(b'\n').unwrap_or(self.read.len());
            let mut piece = self.read.split_to(length);
            let is_end = piece.ends_with(b"\n");
            if is_end {
                piece.truncate(length - 1);
            }
            if let Some(line) = self.add(piece, is_end) {
                return Some(line);
            }
        }
        if std::mem::take(&mut self.has_ended) {
            return self.add(Bytes::new(), true);
        }
        None
    }

    /// Refuses the line that has begun, and frees what it holds. Its rest is skipped.
    fn refuse_late_line(&mut self) -> Line {
        self.begin_anew();
        self.is_skipping = true;
        let detail = "the line took more than 10 s";
        Line {
            number: self.number,
            text: Err(Refusal::new(ErrorCode::RequestTimeout).with_detail(detail)),
        }
    }

    /// Forgets the line that has begun.
    fn begin_anew(&mut self) {
        self.begun = Vec::new();
        self.deadline = None;
    }

    /// Adds a piece to the current line. Returns the line if this is its end, or if it is refused.
    fn add(&mut self, piece: Bytes, is_end: bool) -> Option<Line> {
        let number = self.number;
        self.number += u64::from(is_end);
        if self.is_skipping {
            self.is_skipping = !is_end;
            return None;
        }
        let text = match self.append(piece, is_end) {
            Ok(text) => Ok(text.filter(|text| !is_white_space(text))?),
            Err(refusal) => {
                self.begin_anew();
                self.is_skipping = !is_end;
                Err(refusal)
            }
        };
        Some(Line { number, text })
    }

    /// Appends a piece to the current line. Returns the line's text if this is its end.
    fn append(&mut self, piece: Bytes, is_end: bool) -> Result<Option<Bytes>, Refusal> {
        let length = self.begun.len() + piece.len();
        // A CR may belong to the end of the line.
        let last = piece.last().or(self.begun.last());
        let cr = usize::from(last == Some(&b'\r'));
        if length - cr > self.limit {
            let detail = format!("the line exceeds {} bytes (--max-body-size)", self.limit);
            return Err(Refusal::new(ErrorCode::MessageTooLarge).with_detail(detail));
        }
        if self.is_over_budget && !is_white_space(&piece) {
            return Err(no_memory());
        }
        let mut text = piece;
        if !is_end || !self.begun.is_empty() {
            self.make_room(length)?;
            self.begun.extend_from_slice(&text);
            if !is_end {
                self.deadline
                    .get_or_insert_with(|| Instant::now() + LINE_TIMEOUT);
                return Ok(None);
            }
            text = std::mem::take(&mut self.begun).into();
            self.deadline = None;
        }
        text.truncate(length - cr);
        Ok(Some(text))
    }

    /// Charges for a line of `length` bytes, then makes room for it.
    fn make_room(&mut self, length: usize) -> Result<(), Refusal> {
        let capacity = self.begun.capacity();
        if length > capacity {
            let doubled = capacity.saturating_mul(2).max(FIRST_BYTES);
            let capacity = length.max(doubled.min(self.limit));
            if !self.charge.raise_to(self.read_bytes + capacity) {
                return Err(no_memory());
            }
            self.begun.reserve_exact(capacity - self.begun.len());
        }
        Ok(())
    }
}

fn broken() -> Refusal {
    Refusal::new(ErrorCode::InvalidBody).with_detail(BROKEN_BODY)
}

fn no_memory() -> Refusal {
    Refusal::new(ErrorCode::Overloaded).with_detail(NO_MEMORY)
}

fn is_white_space(text: &[u8]) -> bool {
    let is_white_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    text.iter().all(is_white_space)
}

#[cfg(test)]
mod tests;
