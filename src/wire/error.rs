//! Protocol errors that end a connection.

use thiserror::Error;

/// A violation of RFC 6455, or of a limit beyond which the connection is closed.
///
/// Close the connection with [`close_code`](Self::close_code). The `Display` text is short enough to be the reason in
/// the Close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// The frame is not masked; clients must mask every frame
    /// ([RFC 6455 §5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.1)).
    #[error("frame is not masked")]
    Unmasked,
    /// A reserved bit is set, but no extension that defines it was negotiated
    /// ([RFC 6455 §5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2)).
    #[error("reserved bit is set")]
    ReservedBit,
    /// An opcode that RFC 6455 does not define.
    #[error("opcode {0} is reserved")]
    ReservedOpcode(u8),
    /// A control frame without FIN ([RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5)).
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A control frame of more than 125 bytes ([RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5)).
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A length encoded in more bytes than necessary.
    #[error("length is not in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit length whose most significant bit is set.
    #[error("length has its most significant bit set")]
    LengthOverflow,
    /// A continuation frame without a message to continue.
    #[error("continuation frame without a message")]
    UnexpectedContinuation,
    /// A text or binary frame before the last frame of a fragmented message.
    #[error("new message inside a fragmented message")]
    UnfinishedMessage,
    /// A Close frame with a payload of one byte, too short for a code.
    #[error("close payload of one byte")]
    CloseTooShort,
    /// A close code that may not be sent.
    #[error("close code {0} is not allowed")]
    CloseCode(u16),
    /// A close reason that is not UTF-8.
    #[error("close reason is not utf-8")]
    CloseReasonNotUtf8,
    /// A text message that is not UTF-8.
    #[error("text is not utf-8")]
    TextNotUtf8,
    /// A message that declares more than sixteen times [`Limits::max_message_bytes`](super::Limits::max_message_bytes).
    #[error("message is far too large")]
    MessageTooLong,
    /// A message of more than [`Limits::max_fragments`](super::Limits::max_fragments) frames.
    #[error("message has too many fragments")]
    TooManyFragments,
}

impl ProtocolError {
    /// The code for the Close frame
    /// ([RFC 6455 §7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1)).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Unmasked
            | Self::ReservedBit
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::LengthNotMinimal
            | Self::LengthOverflow
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::CloseTooShort
            | Self::CloseCode(_) => 1002,
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 => 1007,
            Self::MessageTooLong | Self::TooManyFragments => 1009,
        }
    }
}
