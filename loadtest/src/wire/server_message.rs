//! Parses the messages of the server: only the few fields that the tester needs, in any order.

use super::json::{Scanner, integer, unquoted};
use super::stamp::Stamp;

/// The position of a channel, as given in the reply to a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position<'a> {
    /// Offset of the latest publication. `None` if the channel has no offsets.
    pub(crate) offset: Option<u64>,
    /// Identity of the numbering; a new epoch means that history was lost.
    pub(crate) epoch: &'a [u8],
    /// Whether everything since the requested position follows. `None` if none was requested.
    pub(crate) recovered: Option<bool>,
    /// The number of publications that follow.
    pub(crate) replayed: Option<u64>,
}

/// A message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage<'a> {
    /// An event in a channel. The stamp is `None` if it lacks a field.
    Event(&'a [u8], Option<Stamp>),
    /// A message from a member of a room. The stamp is `None` if it lacks a field.
    RoomMessage(&'a [u8], Option<Stamp>),
    /// Confirms a subscription to a channel or the membership in a room.
    Subscribed(&'a [u8], Position<'a>),
    /// Confirms the end of a subscription or membership.
    Unsubscribed,
    /// Somebody else has joined the room.
    UserJoined,
    /// The server skipped this many publications of a channel; and the offset of the last one, if given.
    Gap(&'a [u8], u64, Option<u64>),
    /// An error: its `code`, or the whole message if it has none.
    Error(&'a [u8]),
    /// Any other well-formed message, such as a pong.
    Other,
    /// Not a message of this protocol.
    Malformed,
}

/// Calls `on_message` for each message in a text frame, which holds one object or an array of objects. If the text is not
/// JSON, the last call is [`ServerMessage::Malformed`].
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

/// The stamp that a JSON object is. `None` if it lacks a field, or the text is not JSON.
pub(crate) fn stamp_of(json: &[u8]) -> Option<Stamp> {
    let mut stamp = None;
    Scanner { bytes: json, at: 0 }.stamp(&mut stamp)?;
    stamp
}

impl<'a> Scanner<'a> {
    fn message(&mut self) -> Option<ServerMessage<'a>> {
        let (mut kind, mut channel, mut code): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
        let (mut missed, mut last) = (None, None);
        let mut stamp = None;
        let mut position = Position::default();
        self.skip_whitespace();
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

    /// Reads the next value into `into`, if it is an object with all fields of a stamp.
    fn stamp(&mut self, into: &mut Option<Stamp>) -> Option<()> {
        self.skip_whitespace();
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
