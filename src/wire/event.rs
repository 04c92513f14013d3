//! What the decoder returns.

use super::opcode::Opcode;
use super::{CloseFrame, ProtocolError};

/// A complete message or control frame from a client. Borrows the bytes that it was decoded from.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete text message, which is valid UTF-8. Mutable, so that it can be parsed in place.
    Text(&'a mut [u8]),
    /// A complete binary message.
    Binary(&'a mut [u8]),
    /// A message exceeds [`Limits::max_message_bytes`](super::Limits::max_message_bytes). Reported once per message;
    /// the rest of it is skipped as it arrives, and the connection stays usable.
    TooLarge,
    /// A ping. Answer it with a pong that has the same payload, at most 125 bytes
    /// ([RFC 6455 §5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2)).
    Ping(&'a [u8]),
    /// A pong, solicited or not.
    Pong(&'a [u8]),
    /// A Close frame. Nothing is decoded after it.
    Close(Option<CloseFrame<'a>>),
}

impl<'a> Event<'a> {
    /// The event for a complete control frame.
    pub(super) fn control(opcode: Opcode, payload: &'a [u8]) -> Result<Self, ProtocolError> {
        match opcode {
            Opcode::Ping => Ok(Self::Ping(payload)),
            Opcode::Pong => Ok(Self::Pong(payload)),
            _ => CloseFrame::parse(payload).map(Self::Close),
        }
    }
}
