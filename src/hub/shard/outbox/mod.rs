//! The bounded queue of frames for one client.
//!
//! An outbox is full when it reaches its limit of messages or of bytes, whichever comes first.
//! It then rejects the frame with [`Full`], and the shard decides what happens. Before that,
//! publications of topics that allow it can be dropped (see `dropping`).

mod boxed;
mod dropping;
mod queued_frame;

use std::collections::VecDeque;
use std::io::IoSlice;

use super::outbox_total::FrameCharge;
use crate::hub::replies::ReplyCharge;
use crate::wire::{Frame, FrameRole};

/// Buffers per vectored write: the headers and payloads of 32 frames.
pub(super) const MAX_SLICES: usize = 64;

/// Maximum number of pongs queued for one client. Pongs are queued even if the outbox is full.
const MAX_PONGS: usize = 16;

/// The outbox has no room for the frame, which was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

pub(super) use self::boxed::BoxedOutbox;
pub(super) use self::dropping::{Notices, Publication};
use self::queued_frame::{FrameKind, QueuedFrame};

/// Limits of an outbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutboxLimits {
    pub(super) max_messages: usize,
    pub(super) max_bytes: usize,
}

/// What a write completed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Completed {
    /// Data frames.
    pub(super) messages: u64,
    /// A ping was among the frames.
    pub(super) ping: bool,
}

/// Frames queued for one client, first in, first out. Owns no memory while empty.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<QueuedFrame>,
    /// Unwritten bytes of all frames, headers included.
    bytes: usize,
    /// Bytes of the first frame that have been written.
    written: usize,
}

impl Outbox {
    const fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            written: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn messages(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether [`Outbox::push`] would accept the frame.
    pub(super) fn has_room_for(&self, frame: &Frame, limits: OutboxLimits) -> bool {
        self.frames.len() < limits.max_messages && self.bytes + frame.len() <= limits.max_bytes
    }

    /// Queues a frame that must not be dropped.
    pub(super) fn push(&mut self, frame: Frame, limits: OutboxLimits) -> Result<(), Full> {
        if !self.has_room_for(&frame, limits) {
            return Err(Full);
        }
        self.push_last(frame);
        Ok(())
    }

    /// Counts the last frame, unless it is counted already, as replies and gap notices are.
    pub(super) fn charge_last(&mut self, charge: impl FnOnce(&Frame) -> FrameCharge) {
        if let Some(last) = self.frames.back_mut()
            && matches!(last.kind, FrameKind::Fixed | FrameKind::Droppable { .. })
            && last.charge.is_none()
        {
            last.charge = Some(charge(&last.frame));
        }
    }

    /// Queues a frame whose first `written` bytes have been written. The outbox must be empty.
    /// No limit applies, because a frame that has been started must be finished.
    pub(super) fn push_started(&mut self, frame: Frame, written: usize) {
        debug_assert!(self.frames.is_empty() && written < frame.len());
        self.bytes = frame.len() - written;
        self.written = written;
        self.frames.push_back(QueuedFrame::fixed(frame));
    }

    /// Queues a reply to one of the client's own commands, even if the outbox is full.
    pub(super) fn push_reply(&mut self, frame: Frame, charge: ReplyCharge) {
        self.bytes += frame.len();
        let kind = FrameKind::Reply { _charge: charge };
        self.frames.push_back(QueuedFrame::new(frame, kind));
    }

    /// Queues the last frame of a connection, even if the outbox is full.
    pub(super) fn push_last(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(QueuedFrame::fixed(frame));
    }

    /// Queues a pong ahead of all frames except one that is partly written and other control
    /// frames. If the limit of pongs is reached, the oldest is dropped (RFC 6455 §5.5.3).
    pub(super) fn push_pong(&mut self, pong: Frame, charge: ReplyCharge) {
        let mut end = self.end_of_controls();
        let unsent = self.frames.range(self.first_unsent()..end);
        let mut pongs = unsent
            .enumerate()
            .filter(|(_, next)| next.frame.role() == FrameRole::Pong);
        let oldest = pongs.next().map(|(index, _)| self.first_unsent() + index);
        if pongs.count() + 1 >= MAX_PONGS
            && let Some(oldest) = oldest.and_then(|oldest| self.frames.remove(oldest))
        {
            self.bytes -= oldest.frame.len();
            end -= 1;
        }
        let kind = FrameKind::Reply { _charge: charge };
        self.insert(end, QueuedFrame::new(pong, kind));
    }

    /// Queues a ping ahead of all frames except one that is partly written and other control
    /// frames, so that a backlog does not keep the client from answering it. False if one is
    /// queued already.
    pub(super) fn push_ping(
        &mut self,
        ping: Frame,
        charge: impl FnOnce(&Frame) -> FrameCharge,
    ) -> bool {
        let end = self.end_of_controls();
        let mut controls = self.frames.range(..end);
        if controls.any(|queued| queued.frame.role() == FrameRole::Ping) {
            return false;
        }
        let charge = charge(&ping);
        self.insert(end, QueuedFrame::fixed(ping).counted(charge));
        true
    }

    fn insert(&mut self, index: usize, queued: QueuedFrame) {
        self.bytes += queued.frame.len();
        self.frames.insert(index, queued);
    }

    /// The index behind the pings and pongs at the front.
    fn end_of_controls(&self) -> usize {
        let first = self.first_unsent();
        let unsent = self.frames.iter().skip(first);
        let overtakes = |queued: &&QueuedFrame| {
            matches!(queued.frame.role(), FrameRole::Ping | FrameRole::Pong)
        };
        first + unsent.take_while(overtakes).count()
    }

    /// The index of the first frame of which no byte has been written.
    fn first_unsent(&self) -> usize {
        usize::from(self.written > 0)
    }

    /// Drops all frames except one that is partly written, which has to be finished.
    pub(super) fn discard_unsent(&mut self) {
        self.frames.truncate(self.first_unsent());
        self.frames.shrink_to_fit();
        self.bytes = self.frames.front().map_or(0, |front| front.frame.len()) - self.written;
    }

    /// Fills `slices` with unwritten bytes from the front and returns the number of slices used.
    pub(super) fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut used = 0;
        let mut skip = self.written;
        for QueuedFrame { frame, .. } in self.frames.iter().take(MAX_SLICES / 2) {
            let (header, payload) = (frame.header(), frame.payload());
            let header_rest = &header[skip.min(header.len())..];
            let payload_rest = &payload[skip.saturating_sub(header.len())..];
            for part in [header_rest, payload_rest] {
                if !part.is_empty() {
                    slices[used] = IoSlice::new(part);
                    used += 1;
                }
            }
            skip = 0;
        }
        used
    }

    /// Removes `count` written bytes from the front, and says what this completed.
    pub(super) fn advance(&mut self, mut count: usize) -> Completed {
        self.bytes -= count;
        let mut completed = Completed::default();
        while let Some(QueuedFrame { frame: front, .. }) = self.frames.front() {
            let rest = front.len() - self.written;
            if count < rest {
                self.written += count;
                break;
            }
            count -= rest;
            completed.messages += u64::from(!front.is_control());
            completed.ping |= front.role() == FrameRole::Ping;
            self.written = 0;
            self.frames.pop_front();
        }
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
        completed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::hub::client::Client;
    use crate::hub::client_info::ClientInfo;
    use crate::hub::replies::Replies;

    const LARGE: OutboxLimits = OutboxLimits {
        max_messages: 100,
        max_bytes: 100_000,
    };

    fn frame(text: &str) -> Frame {
        Frame::text(text.into())
    }

    fn reply() -> ReplyCharge {
        let client = Client::new(Uuid::nil(), ClientInfo::default(), 0, true);
        Arc::new(Replies::new(0, 0)).charge(&Arc::new(client), 0)
    }

    fn own(frame: &Frame) -> FrameCharge {
        FrameCharge::unshared(frame, &Arc::default())
    }

    fn pending(outbox: &Outbox) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let used = outbox.gather(&mut slices);
        slices[..used]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }

    #[test]
    fn a_ping_overtakes_queued_data_but_no_pong_and_is_queued_once() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), LARGE).unwrap();
        outbox.push(frame("two"), LARGE).unwrap();
        outbox.advance(1);
        outbox.push_pong(Frame::pong(b"p"), reply());
        assert!(outbox.push_ping(Frame::ping(), own));
        assert!(!outbox.push_ping(Frame::ping(), own));
        assert_eq!(&pending(&outbox)[..9], b"\x03one\x8a\x01p\x89\x00");
        let completed = outbox.advance(9);
        assert_eq!((completed.messages, completed.ping), (1, true));
        assert!(outbox.push_ping(Frame::ping(), own));
    }

    #[test]
    fn is_full_at_the_limit_of_messages_or_bytes_whichever_comes_first() {
        let mut outbox = Outbox::default();
        let two = OutboxLimits {
            max_messages: 2,
            ..LARGE
        };
        assert_eq!(outbox.push(frame("a"), two), Ok(()));
        assert_eq!(outbox.push(frame("b"), two), Ok(()));
        assert_eq!(outbox.push(frame("c"), two), Err(Full));
        let bytes = OutboxLimits {
            max_bytes: outbox.bytes() + 3,
            ..LARGE
        };
        assert_eq!(outbox.push(frame("cd"), bytes), Err(Full));
        assert_eq!(outbox.push(frame("c"), bytes), Ok(()));
        assert_eq!(outbox.bytes(), 9);
    }

    #[test]
    fn partial_writes_of_any_size_resume_where_they_stopped() {
        let frames = [
            frame("one"),
            frame(""),
            frame(&"x".repeat(300)),
            Frame::ping(),
        ];
        let mut all = Vec::new();
        for f in &frames {
            f.copy_to(&mut all);
        }
        for step in 1..=all.len() {
            let mut outbox = Outbox::default();
            for f in &frames {
                outbox.push(f.clone(), LARGE).unwrap();
            }
            let (mut seen, mut completed) = (Vec::new(), 0);
            while !outbox.is_empty() {
                let bytes = pending(&outbox);
                assert_eq!(bytes.len(), outbox.bytes());
                let taken = step.min(bytes.len());
                seen.extend_from_slice(&bytes[..taken]);
                completed += outbox.advance(taken).messages;
            }
            assert_eq!((seen, completed, outbox.bytes()), (all.clone(), 3, 0));
        }
    }

    #[test]
    fn a_pong_goes_first_but_never_into_a_partly_written_frame() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), LARGE).unwrap();
        outbox.push(frame("two"), LARGE).unwrap();
        outbox.push_pong(Frame::pong(b"p"), reply());
        assert_eq!(pending(&outbox)[0], 0x8a);
        outbox.advance(3 + 1);
        outbox.push_pong(Frame::pong(b"q"), reply());
        assert_eq!(&pending(&outbox)[..7], b"\x03one\x8a\x01q");
    }

    #[test]
    fn pongs_keep_their_order_and_the_oldest_is_dropped_at_the_limit() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), LARGE).unwrap();
        outbox.advance(1);
        for n in 0..20 {
            outbox.push_pong(Frame::pong(&[n]), reply());
        }
        let newest: Vec<u8> = (4..20).flat_map(|n| [0x8a, 1, n]).collect();
        assert_eq!(pending(&outbox), [b"\x03one", &newest[..]].concat());
        assert_eq!((outbox.messages(), outbox.bytes()), (17, 4 + 48));
    }

    #[test]
    fn discarding_keeps_only_a_partly_written_frame() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), LARGE).unwrap();
        outbox.push(frame("two"), LARGE).unwrap();
        outbox.advance(2);
        outbox.discard_unsent();
        assert_eq!((pending(&outbox), outbox.bytes()), (b"one".to_vec(), 3));
        outbox.advance(3);
        outbox.push(frame("two"), LARGE).unwrap();
        outbox.discard_unsent();
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }
}
