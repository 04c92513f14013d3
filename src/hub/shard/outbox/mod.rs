//! The bounded queue of one client.
//!
//! Full means full in messages or in bytes, whichever comes first; what then happens is
//! the shard's decision ([`Full`] says only that the frame was not taken). Publications of
//! topics that allow it make room (`dropping`).

mod dropping;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::hub::topic::Topic;
use crate::protocol::Gap;
use crate::wire::Frame;

/// Buffers one vectored write takes: header and payload of 32 frames.
pub(super) const MAX_SLICES: usize = 64;

/// Answers to pings that wait for one socket, whatever the bounds say.
const MAX_PONGS: usize = 16;

/// The outbox did not take the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

pub(super) use self::dropping::Publication;

/// Bounds of an outbox, and the dialect of its gap notices.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutboxOptions {
    pub(super) max_messages: usize,
    pub(super) max_bytes: usize,
    pub(super) dialect: &'static dyn Dialect,
}

/// What may be done to a frame that waits.
#[derive(Debug)]
enum Mark {
    /// Nothing: it is written.
    Keep,
    /// It may be dropped, and a notice then stands in its place.
    Publication {
        topic: Arc<Topic>,
        offset: Option<u64>,
    },
    /// It says what was dropped, and may come to say more.
    Notice(Box<(Arc<Topic>, Gap)>),
}

#[derive(Debug)]
struct Waiting {
    frame: Frame,
    mark: Mark,
}

impl Waiting {
    fn keep(frame: Frame) -> Self {
        let mark = Mark::Keep;
        Self { frame, mark }
    }
}

/// Frames that wait for one client's socket, first in, first out. Owns no memory while empty.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Waiting>,
    /// Bytes of all frames, headers included, less `written`.
    bytes: usize,
    /// Bytes of the first frame that the socket has taken already.
    written: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn messages(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether [`Outbox::push`] would take the frame.
    pub(super) fn has_room_for(&self, frame: &Frame, options: OutboxOptions) -> bool {
        self.frames.len() < options.max_messages && self.bytes + frame.len() <= options.max_bytes
    }

    pub(super) fn push(&mut self, frame: Frame, options: OutboxOptions) -> Result<(), Full> {
        if !self.has_room_for(&frame, options) {
            return Err(Full);
        }
        self.push_last(frame);
        Ok(())
    }

    /// Queues a frame of which the socket has taken the first `written` bytes.
    /// The outbox is empty, so the frame needs no bound: a part of it is under way.
    pub(super) fn push_started(&mut self, frame: Frame, written: usize) {
        debug_assert!(self.frames.is_empty() && written < frame.len());
        self.bytes = frame.len() - written;
        self.written = written;
        self.frames.push_back(Waiting::keep(frame));
    }

    /// Queues the last frame of a connection, whatever the bounds.
    pub(super) fn push_last(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(Waiting::keep(frame));
    }

    /// Queues an answer to a ping as early as the bytes under way allow, behind the answers
    /// that wait already. When there are many of those, the oldest goes (RFC 6455 §5.5.3).
    pub(super) fn push_pong(&mut self, pong: Frame) {
        let first = self.first_waiting();
        let waiting = self.frames.iter().skip(first);
        let mut pongs = waiting.take_while(|next| next.frame.is_pong()).count();
        if pongs == MAX_PONGS
            && let Some(oldest) = self.frames.remove(first)
        {
            self.bytes -= oldest.frame.len();
            pongs -= 1;
        }
        self.bytes += pong.len();
        self.frames.insert(first + pongs, Waiting::keep(pong));
    }

    /// Where the first frame stands of which nothing is written.
    fn first_waiting(&self) -> usize {
        usize::from(self.written > 0)
    }

    /// Drops what waits, except a frame that is under way: half a frame cannot be taken back.
    pub(super) fn discard_waiting(&mut self) {
        self.frames.truncate(self.first_waiting());
        self.frames.shrink_to_fit();
        self.bytes = self.frames.front().map_or(0, |front| front.frame.len()) - self.written;
    }

    /// Fills `slices` from the front and returns how many it used.
    pub(super) fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut used = 0;
        let mut skip = self.written;
        for Waiting { frame, .. } in self.frames.iter().take(MAX_SLICES / 2) {
            let (header, payload) = (frame.header(), frame.payload());
            let rest_of_header = &header[skip.min(header.len())..];
            let rest_of_payload = &payload[skip.saturating_sub(header.len())..];
            for part in [rest_of_header, rest_of_payload] {
                if !part.is_empty() {
                    slices[used] = IoSlice::new(part);
                    used += 1;
                }
            }
            skip = 0;
        }
        used
    }

    /// Takes `count` bytes off the front and returns how many data frames that completed.
    pub(super) fn advance(&mut self, mut count: usize) -> u64 {
        self.bytes -= count;
        let mut completed = 0;
        while let Some(Waiting { frame: front, .. }) = self.frames.front() {
            let rest = front.len() - self.written;
            if count < rest {
                self.written += count;
                break;
            }
            count -= rest;
            completed += u64::from(!front.is_control());
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
    use super::*;
    use crate::protocol::{CloseCode, TopicName};

    /// These tests drop nothing, so nothing is said.
    #[derive(Debug)]
    struct Silent;

    impl Dialect for Silent {
        fn publication(&self, encoded: &Arc<str>) -> Frame {
            Frame::text(encoded.clone())
        }

        fn sequenced(&self, encoded: &str, _: u64) -> Frame {
            Frame::text(encoded.into())
        }

        fn gap(&self, _: TopicName<'_>, _: Gap) -> Frame {
            unreachable!("nothing is dropped")
        }

        fn ping(&self) -> Frame {
            Frame::ping()
        }

        fn close(&self, code: CloseCode, _: Option<&str>) -> Frame {
            Frame::close(code.code(), "")
        }
    }

    const WIDE: OutboxOptions = OutboxOptions {
        max_messages: 100,
        max_bytes: 100_000,
        dialect: &Silent,
    };

    fn frame(text: &str) -> Frame {
        Frame::text(text.into())
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
    fn is_full_in_messages_or_bytes_whichever_comes_first() {
        let mut outbox = Outbox::default();
        let two = OutboxOptions {
            max_messages: 2,
            ..WIDE
        };
        assert_eq!(outbox.push(frame("a"), two), Ok(()));
        assert_eq!(outbox.push(frame("b"), two), Ok(()));
        assert_eq!(outbox.push(frame("c"), two), Err(Full));
        let bytes = OutboxOptions {
            max_bytes: outbox.bytes() + 3,
            ..WIDE
        };
        assert_eq!(outbox.push(frame("cd"), bytes), Err(Full));
        assert_eq!(outbox.push(frame("c"), bytes), Ok(()));
        assert_eq!(outbox.bytes(), 9);
    }

    #[test]
    fn every_split_of_the_bytes_resumes_where_it_stopped() {
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
                outbox.push(f.clone(), WIDE).unwrap();
            }
            let (mut seen, mut completed) = (Vec::new(), 0);
            while !outbox.is_empty() {
                let bytes = pending(&outbox);
                assert_eq!(bytes.len(), outbox.bytes());
                let taken = step.min(bytes.len());
                seen.extend_from_slice(&bytes[..taken]);
                completed += outbox.advance(taken);
            }
            assert_eq!((seen, completed, outbox.bytes()), (all.clone(), 3, 0));
        }
    }

    #[test]
    fn a_pong_goes_first_but_never_into_a_frame_that_is_under_way() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), WIDE).unwrap();
        outbox.push(frame("two"), WIDE).unwrap();
        outbox.push_pong(Frame::pong(b"p"));
        assert_eq!(pending(&outbox)[0], 0x8a);
        outbox.advance(3 + 1);
        outbox.push_pong(Frame::pong(b"q"));
        assert_eq!(&pending(&outbox)[..7], b"\x03one\x8a\x01q");
    }

    #[test]
    fn pongs_wait_in_order_and_the_oldest_goes_when_they_are_many() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), WIDE).unwrap();
        outbox.advance(1);
        for n in 0..20 {
            outbox.push_pong(Frame::pong(&[n]));
        }
        let newest: Vec<u8> = (4..20).flat_map(|n| [0x8a, 1, n]).collect();
        assert_eq!(pending(&outbox), [b"\x03one", &newest[..]].concat());
        assert_eq!((outbox.messages(), outbox.bytes()), (17, 4 + 48));
    }

    #[test]
    fn discarding_keeps_only_what_is_under_way() {
        let mut outbox = Outbox::default();
        outbox.push(frame("one"), WIDE).unwrap();
        outbox.push(frame("two"), WIDE).unwrap();
        outbox.advance(2);
        outbox.discard_waiting();
        assert_eq!((pending(&outbox), outbox.bytes()), (b"one".to_vec(), 3));
        outbox.advance(3);
        outbox.push(frame("two"), WIDE).unwrap();
        outbox.discard_waiting();
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }
}
