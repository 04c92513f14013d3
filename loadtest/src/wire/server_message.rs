//! Finds the few fields the tester needs in a JSON message, byte by byte, whatever their order.
//!
//! No tree is built and nothing is copied. Input that is no JSON yields fewer fields, never a panic.

use super::json::{Scanner, integer, unquoted};
use super::stamp::Stamp;

/// Where a channel stood when a subscription to it was confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position<'a> {
    /// The newest publication; `None` when the channel counts none.
    pub(crate) offset: Option<u64>,
    pub(crate) epoch: &'a [u8],
    /// Whether everything since the position that was asked for follows; `None` when none was asked for.
    pub(crate) recovered: Option<bool>,
    /// How many publications follow.
    pub(crate) replayed: Option<u64>,
}

/// One server message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage<'a> {
    /// An event of a channel; no stamp when a field of it is missing.
    Event(&'a [u8], Option<Stamp>),
    /// What a member of a room said; no stamp when a field of it is missing.
    RoomMessage(&'a [u8], Option<Stamp>),
    /// A subscription to a channel, or the membership of a room, is confirmed.
    Subscribed(&'a [u8], Position<'a>),
    /// It has ended.
    Unsubscribed,
    /// Another became a member of a room.
    UserJoined,
    /// The server left out so many publications of a channel here; the offset of the last, if it says so.
    Gap(&'a [u8], u64, Option<u64>),
    /// The server complains; its `code`, or the whole message when there is none.
    Error(&'a [u8]),
    /// Something else that is well-formed, such as a system notice.
    Other,
    /// Not a message of this protocol.
    Malformed,
}

/// Calls `on_message` for each message of a text frame: one object, or an array of them. The last call says
/// [`ServerMessage::Malformed`] when the text is no JSON.
pub(crate) fn messages<'a>(payload: &'a [u8], mut on_message: impl FnMut(ServerMessage<'a>)) {
    let mut scanner = Scanner {
        bytes: payload,
        at: 0,
    };
    let batch = scanner.take(b'[').is_some();
    loop {
        let Some(message) = scanner.message() else {
            return on_message(ServerMessage::Malformed);
        };
        on_message(message);
        if !batch || scanner.take(b',').is_none() {
            break;
        }
    }
    if batch && scanner.take(b']').is_none() {
        on_message(ServerMessage::Malformed);
    }
}

impl<'a> Scanner<'a> {
    fn message(&mut self) -> Option<ServerMessage<'a>> {
        let (mut kind, mut channel, mut code): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
        let (mut missed, mut last) = (None, None);
        let mut stamp = None;
        let mut position = Position::default();
        self.skip_white();
        let start = self.at;
        self.object(|scanner, key| {
            match key {
                b"type" => kind = unquoted(scanner.value()?),
                b"channel" | b"room" => channel = unquoted(scanner.value()?),
                b"code" => code = unquoted(scanner.value()?),
                b"data" | b"content" => scanner.stamp(&mut stamp)?,
                b"offset" => position.offset = integer(scanner.value()?),
                b"epoch" => position.epoch = unquoted(scanner.value()?),
                b"recovered" => position.recovered = Some(scanner.value()? == b"true"),
                b"replayed" => position.replayed = integer(scanner.value()?),
                b"missed" => missed = integer(scanner.value()?),
                b"to" => last = integer(scanner.value()?),
                _ => {
                    scanner.value()?;
                }
            }
            Some(())
        })?;
        if let (Some(stamp), Some(offset)) = (&mut stamp, position.offset) {
            stamp.offset = offset;
        }
        Some(match kind {
            b"event" => ServerMessage::Event(channel, stamp),
            b"message" => ServerMessage::RoomMessage(channel, stamp),
            b"subscribed" | b"joined" => ServerMessage::Subscribed(channel, position),
            b"unsubscribed" | b"left" => ServerMessage::Unsubscribed,
            b"user_joined" => ServerMessage::UserJoined,
            b"gap" => missed.map_or(ServerMessage::Malformed, |n| {
                ServerMessage::Gap(channel, n, last)
            }),
            b"error" if code.is_empty() => ServerMessage::Error(&self.bytes[start..self.at]),
            b"error" => ServerMessage::Error(code),
            b"" => ServerMessage::Malformed,
            _ => ServerMessage::Other,
        })
    }

    /// Reads the next value, which holds a stamp if it is an object with all its fields.
    fn stamp(&mut self, into: &mut Option<Stamp>) -> Option<()> {
        self.skip_white();
        if self.bytes.get(self.at) != Some(&b'{') {
            self.value()?;
            return Some(());
        }
        let mut stamp = Stamp::default();
        let mut found = 0u8;
        self.object(|scanner, key| {
            let value = scanner.value()?;
            let (bit, field) = match key {
                b"run" => (1, &mut stamp.run),
                b"pub" => (2, &mut stamp.publisher),
                b"chan" => (4, &mut stamp.channel),
                b"seq" => (8, &mut stamp.seq),
                b"intended_ns" => (16, &mut stamp.intended_ns),
                b"sent_ns" => (32, &mut stamp.sent_ns),
                _ => return Some(()),
            };
            if let Some(number) = integer(value) {
                *field = number;
                found |= bit;
            }
            Some(())
        })?;
        *into = (found == 63).then_some(stamp);
        Some(())
    }
}
