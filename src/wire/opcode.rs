//! Frame opcodes.

use super::ProtocolError;
use super::partial_message::MessageKind;

/// The opcodes of [RFC 6455 §5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    /// Parses the low four bits of a frame's first byte.
    pub(super) fn from_nibble(nibble: u8) -> Result<Self, ProtocolError> {
        match nibble {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            reserved => Err(ProtocolError::ReservedOpcode(reserved)),
        }
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    /// The kind of message that a frame with this opcode starts, if it starts one.
    pub(super) fn message_kind(self) -> Option<MessageKind> {
        match self {
            Self::Text => Some(MessageKind::Text),
            Self::Binary => Some(MessageKind::Binary),
            _ => None,
        }
    }
}
