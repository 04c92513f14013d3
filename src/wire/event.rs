//! What the decoder found.

use super::opcode::Opcode;
use super::{CloseFrame, ProtocolError};

/// One thing a client said. It borrows the bytes it was read from.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete text message, valid UTF-8. Mutable, so that a parser that works in place can use it.
    Text(&'a mut [u8]),
    /// A complete binary message.
    Binary(&'a mut [u8]),
    /// A message over the limit has begun, or has grown past it. It is announced once; the rest of it is skipped as
    /// it arrives, and the connection stays usable.
    TooLarge,
    /// A ping, which is to be answered with a pong of the same payload, at most 125 bytes
    /// ([RFC 6455 §5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2)).
    Ping(&'a [u8]),
    /// A pong, asked for or not.
    Pong(&'a [u8]),
    /// The client closes; nothing is decoded after this.
    Close(Option<CloseFrame<'a>>),
}

impl<'a> Event<'a> {
    /// The event of a complete control frame.
    pub(super) fn control(opcode: Opcode, payload: &'a [u8]) -> Result<Self, ProtocolError> {
        match opcode {
            Opcode::Ping => Ok(Self::Ping(payload)),
            Opcode::Pong => Ok(Self::Pong(payload)),
            _ => CloseFrame::parse(payload).map(Self::Close),
        }
    }
}
