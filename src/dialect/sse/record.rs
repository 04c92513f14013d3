//! Records: how an event travels from a shard to the task that writes the stream.
//!
//! The text of an event is the same for all clients, but its id is not: it contains the client's
//! positions in all of its channels. So a record has the text, and beside it what the event does to
//! a position.
//!
//! ```text
//! length u32 | flags u8 | [tag 8 B] | [offset u64] | [epoch length u8, epoch] | [window u32] | text
//! ```

use super::tag::{TAG_CHARS, Tag};

const HAS_TAG: u8 = 1;
const HAS_OFFSET: u8 = 2;
const HAS_EPOCH: u8 = 4;
const HAS_WINDOW: u8 = 8;
const IS_LAST: u8 = 16;
const IS_DATA: u8 = 32;

/// What an event does to the client's position in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// The position is now this, or unknown because the channel keeps no history.
    Begin(Option<(u64, &'a str)>),
    /// The position moves to this offset.
    Advance(u64),
}

/// An event, or a comment, of an event stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// What it does to the client's position in the channel with this tag.
    pub(super) mark: Option<(Tag, Mark<'a>)>,
    /// Within how many milliseconds clients should reconnect, each at a random time.
    pub(super) reconnect_window: Option<u32>,
    /// Whether the stream ends with it.
    pub(super) is_last: bool,
    /// Whether `text` is the data of an event. Otherwise, it is lines of the stream as they are.
    pub(super) is_data: bool,
    /// What is written.
    pub(super) text: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 32);
        out.extend_from_slice(&[0; 5]);
        let mut flags = if self.is_last { IS_LAST } else { 0 };
        if self.is_data {
            flags |= IS_DATA;
        }
        if let Some((tag, mark)) = &self.mark {
            flags |= HAS_TAG;
            out.extend_from_slice(tag);
            let (offset, epoch) = match *mark {
                Mark::Begin(Some((offset, epoch))) => (Some(offset), Some(epoch)),
                Mark::Begin(None) => (None, None),
                Mark::Advance(offset) => (Some(offset), None),
            };
            if let Some(offset) = offset {
                flags |= HAS_OFFSET;
                out.extend_from_slice(&offset.to_be_bytes());
            }
            // The server's epochs are shorter than this.
            if let Some((epoch, length)) =
                epoch.and_then(|epoch| Some((epoch, u8::try_from(epoch.len()).ok()?)))
            {
                flags |= HAS_EPOCH;
                out.push(length);
                out.extend_from_slice(epoch.as_bytes());
            }
        }
        if let Some(window) = self.reconnect_window {
            flags |= HAS_WINDOW;
            out.extend_from_slice(&window.to_be_bytes());
        }
        out.extend_from_slice(self.text);
        let length = (out.len() - 4) as u32;
        out[..4].copy_from_slice(&length.to_be_bytes());
        out[4] = flags;
        out
    }

    /// Splits the record at the front of `bytes` from the rest. `None` if it is incomplete.
    pub(super) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (body, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some((Self::decode(body)?, rest))
    }

    fn decode(body: &'a [u8]) -> Option<Self> {
        let (&flags, mut body) = body.split_first()?;
        let mut tag = None;
        if flags & HAS_TAG != 0 {
            let (found, rest) = body.split_first_chunk::<TAG_CHARS>()?;
            (tag, body) = (Some(*found), rest);
        }
        let mut offset = None;
        if flags & HAS_OFFSET != 0 {
            let (found, rest) = body.split_first_chunk()?;
            (offset, body) = (Some(u64::from_be_bytes(*found)), rest);
        }
        let mut epoch = None;
        if flags & HAS_EPOCH != 0 {
            let (&length, rest) = body.split_first()?;
            let (found, rest) = rest.split_at_checked(usize::from(length))?;
            (epoch, body) = (Some(str::from_utf8(found).ok()?), rest);
        }
        let mut reconnect_window = None;
        if flags & HAS_WINDOW != 0 {
            let (found, rest) = body.split_first_chunk()?;
            (reconnect_window, body) = (Some(u32::from_be_bytes(*found)), rest);
        }
        let mark = match (offset, epoch) {
            (Some(offset), Some(epoch)) => Mark::Begin(Some((offset, epoch))),
            (Some(offset), None) => Mark::Advance(offset),
            (None, _) => Mark::Begin(None),
        };
        Some(Self {
            mark: tag.map(|tag| (tag, mark)),
            reconnect_window,
            is_last: flags & IS_LAST != 0,
            is_data: flags & IS_DATA != 0,
            text: body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_from_the_next_once_it_is_complete() {
        let marks = [
            None,
            Some((*b"W7qgOoBv", Mark::Begin(None))),
            Some((*b"W7qgOoBv", Mark::Begin(Some((7, "epoch"))))),
            Some((*b"W7qgOoBv", Mark::Advance(u64::MAX))),
        ];
        for mark in marks {
            for (reconnect_window, is_last) in [(None, false), (Some(20_000), true)] {
                let record = Record {
                    mark,
                    reconnect_window,
                    is_last,
                    is_data: !is_last,
                    text: b"{}",
                };
                let mut bytes = record.encode();
                for part in 0..bytes.len() {
                    assert_eq!(Record::split(&bytes[..part]), None, "{part}");
                }
                bytes.push(9);
                assert_eq!(Record::split(&bytes), Some((record, &[9][..])));
            }
        }
    }
}
