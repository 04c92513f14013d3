//! Parses the frames that a shard writes, for transports other than WebSocket.

use super::CloseFrame;
use super::opcode::Opcode;

/// A complete server frame, as [`Frame`](super::Frame) encodes it.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerFrame<'a> {
    /// The payload of a text or binary message. Only WebSocket clients understand binary ones.
    Message(&'a [u8]),
    /// A ping.
    Ping,
    /// The last frame, with its code and reason if it has them.
    Close(Option<CloseFrame<'a>>),
    /// A frame that means nothing to a client that cannot send frames, such as a pong.
    Ignored,
}

impl<'a> ServerFrame<'a> {
    /// Splits the frame at the front of `bytes` from the rest. Returns `None` if the frame is
    /// incomplete.
    pub fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match second {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length) as usize, rest)
            }
            short => (usize::from(short), rest),
        };
        let (payload, rest) = rest.split_at_checked(length)?;
        let frame = match Opcode::from_nibble(first & 0x0f) {
            Ok(Opcode::Text | Opcode::Binary) => Self::Message(payload),
            Ok(Opcode::Ping) => Self::Ping,
            Ok(Opcode::Close) => Self::Close(CloseFrame::parse(payload).ok().flatten()),
            Ok(Opcode::Continuation | Opcode::Pong) | Err(_) => Self::Ignored,
        };
        Some((frame, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::*;

    #[test]
    fn complete_frames_are_parsed_and_incomplete_ones_are_not() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let mut bytes = Vec::new();
            Frame::text(text.as_str().into()).copy_to(&mut bytes);
            for part in (0..bytes.len())
                .rev()
                .take(20)
                .chain(0..bytes.len().min(20))
            {
                assert_eq!(
                    ServerFrame::split(&bytes[..part]),
                    None,
                    "{part} of {length}"
                );
            }
            bytes.push(0x89);
            let (frame, rest) = ServerFrame::split(&bytes).unwrap();
            assert_eq!(frame, ServerFrame::Message(text.as_bytes()));
            assert_eq!(rest, [0x89]);
        }
    }

    #[test]
    fn control_frames_are_distinguished() {
        let read = |frame: &Frame| {
            let mut bytes = Vec::new();
            frame.copy_to(&mut bytes);
            match ServerFrame::split(&bytes).unwrap() {
                (ServerFrame::Ping, []) => "ping".to_owned(),
                (ServerFrame::Close(Some(close)), []) => format!("{} {}", close.code, close.reason),
                (ServerFrame::Ignored, []) => "ignored".to_owned(),
                unexpected => panic!("{unexpected:?}"),
            }
        };
        assert_eq!(read(&Frame::ping()), "ping");
        assert_eq!(read(&Frame::pong(b"abc")), "ignored");
        assert_eq!(
            read(&Frame::close(1013, "slow consumer")),
            "1013 slow consumer"
        );
    }
}
