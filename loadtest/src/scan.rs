//! Finds the few fields the tester needs in a JSON message, byte by byte, whatever their order.
//!
//! No tree is built and nothing is copied. Input that is no JSON yields fewer fields, never a panic.

use memchr::memchr2;

/// The stamp a publisher put into an event's `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// [`Plan::run`](crate::plan::Plan::run).
    pub(crate) run: u64,
    /// Index of the publisher.
    pub(crate) publisher: u64,
    /// Index of the channel it was published to.
    pub(crate) channel: u64,
    /// Place in the publisher's stream to that channel, from 1.
    pub(crate) seq: u64,
    /// When it was due.
    pub(crate) intended_ns: u64,
    /// When its first byte was handed to the kernel.
    pub(crate) sent_ns: u64,
}

/// One server message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// An event of a channel; no stamp when a field of it is missing.
    Event(&'a [u8], Option<Stamp>),
    /// A subscription is confirmed.
    Subscribed(&'a [u8]),
    /// The server complains; its `code`, or the whole message when there is none.
    Error(&'a [u8]),
    /// Something else that is well-formed, such as a system notice.
    Other,
    /// Not a message of this protocol.
    Malformed,
}

/// Calls `on_message` for each message of a text frame: one object, or an array of them.
pub(crate) fn messages<'a>(payload: &'a [u8], mut on_message: impl FnMut(Message<'a>)) {
    let mut scanner = Scanner {
        bytes: payload,
        at: 0,
    };
    let batch = scanner.take(b'[');
    loop {
        let Some(object) = scanner.value().filter(|value| value.starts_with(b"{")) else {
            return on_message(Message::Malformed);
        };
        on_message(message(object));
        if !(batch && scanner.take(b',')) {
            break;
        }
    }
    if batch && !scanner.take(b']') {
        on_message(Message::Malformed);
    }
}

fn message(object: &[u8]) -> Message<'_> {
    let (mut kind, mut channel, mut data, mut code): (&[u8], &[u8], &[u8], &[u8]) =
        (b"", b"", b"", b"");
    members(object, |key, value| match key {
        b"type" => kind = unquoted(value),
        b"channel" => channel = unquoted(value),
        b"data" => data = value,
        b"code" => code = unquoted(value),
        _ => {}
    });
    match kind {
        b"event" => Message::Event(channel, stamp(data)),
        b"subscribed" => Message::Subscribed(channel),
        b"error" => Message::Error(if code.is_empty() { object } else { code }),
        b"" => Message::Malformed,
        _ => Message::Other,
    }
}

fn stamp(data: &[u8]) -> Option<Stamp> {
    let mut stamp = Stamp::default();
    let mut found = 0u8;
    members(data, |key, value| {
        let (bit, field) = match key {
            b"run" => (1, &mut stamp.run),
            b"pub" => (2, &mut stamp.publisher),
            b"chan" => (4, &mut stamp.channel),
            b"seq" => (8, &mut stamp.seq),
            b"intended_ns" => (16, &mut stamp.intended_ns),
            b"sent_ns" => (32, &mut stamp.sent_ns),
            _ => return,
        };
        if let Some(number) = integer(value) {
            *field = number;
            found |= bit;
        }
    });
    (found == 63).then_some(stamp)
}

/// Calls `on_member` with the raw key and raw value of each member of a JSON object.
pub(crate) fn members<'a>(object: &'a [u8], mut on_member: impl FnMut(&'a [u8], &'a [u8])) {
    let mut scanner = Scanner {
        bytes: object,
        at: 0,
    };
    if !scanner.take(b'{') {
        return;
    }
    while let Some(key) = scanner.value() {
        if !scanner.take(b':') {
            return;
        }
        let Some(value) = scanner.value() else { return };
        on_member(unquoted(key), value);
        if !scanner.take(b',') {
            return;
        }
    }
}

/// An unsigned number without fraction or exponent.
pub(crate) fn integer(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A string without its quotes, escapes as they stand; other values as they are.
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(value)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Skips white space and then `byte`, if it is there.
    fn take(&mut self, byte: u8) -> bool {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let there = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    /// The next whole value, raw. `None` at the end, or where no value begins.
    fn value(&mut self) -> Option<&'a [u8]> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        self.at = match self.bytes.get(start)? {
            b'"' => end_of_string(self.bytes, start)?,
            b'{' | b'[' => self.end_of_nested(start)?,
            b',' | b':' | b'}' | b']' => return None,
            _ => self.bytes[start..]
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .map_or(self.bytes.len(), |length| start + length),
        };
        Some(&self.bytes[start..self.at])
    }

    fn end_of_nested(&self, start: usize) -> Option<usize> {
        let mut depth = 0usize;
        let mut at = start;
        loop {
            match self.bytes.get(at)? {
                b'"' => {
                    at = end_of_string(self.bytes, at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

/// One past the closing quote of the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        run: 7,
        publisher: 1,
        channel: 3,
        seq: 42,
        intended_ns: 1000,
        sent_ns: 1001,
    };

    fn all(text: &str) -> Vec<Message<'_>> {
        let mut found = Vec::new();
        messages(text.as_bytes(), |message| found.push(message));
        found
    }

    #[test]
    fn finds_the_stamp_in_any_order_of_keys() {
        let plain = r#"{"type":"event","channel":"lt.3","data":{"id":"evt_1","timestamp":"2024-01-15T10:30:00Z","run":7,"pub":1,"chan":3,"seq":42,"intended_ns":1000,"sent_ns":1001,"pad":"xx"}}"#;
        let turned = r#" { "data" : {"pad":"}\"seq\":9{","sent_ns":1001, "intended_ns" : 1000,"nested":{"seq":5},"seq":42,"chan":3,"pub":1,"run":7,"id":"evt_1"} , "channel":"lt.3", "type":"event" } "#;
        for text in [plain, turned] {
            assert_eq!(
                all(text),
                [Message::Event(b"lt.3", Some(STAMP))],
                "in {text}"
            );
        }
    }

    #[test]
    fn tells_the_kinds_of_message_apart() {
        assert_eq!(
            all(r#"{"type":"subscribed","channel":"a"}"#),
            [Message::Subscribed(b"a")]
        );
        assert_eq!(
            all(r#"{"type":"error","code":"forbidden","message":"no"}"#),
            [Message::Error(b"forbidden")]
        );
        assert_eq!(
            all(r#"[{"type":"pong"}, {"type":"subscribed","channel":"b"}]"#),
            [Message::Other, Message::Subscribed(b"b")]
        );
        assert_eq!(
            all(r#"{"type":"event","channel":"a","data":{"seq":1}}"#),
            [Message::Event(b"a", None)]
        );
    }

    #[test]
    fn survives_anything() {
        let text = r#"[{"type":"event","channel":"a\"","data":{"seq":[1,{"x":"\\"}],"run":-1}}]"#;
        for end in 0..text.len() {
            let cut = all(&text[..end]);
            assert!(cut.contains(&Message::Malformed), "{end}: {cut:?}");
        }
        for text in [
            "", "x", "\"", "{", "[]", "{}", "{:}", "{\"a\"}", "]", "}{", "1,2", "\\",
        ] {
            assert!(all(text).contains(&Message::Malformed), "{text}");
        }
    }
}
