//! Why a client's bytes end its connection.

use thiserror::Error;

/// A violation of RFC 6455, or of the limits past which a connection is not worth keeping.
///
/// The connection is to be closed with [`close_code`](Self::close_code); the `Display` text is short enough to be
/// the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// [RFC 6455 §5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.1): a client masks every frame.
    #[error("frame is not masked")]
    Unmasked,
    /// [RFC 6455 §5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2): no extension was negotiated that gives a
    /// reserved bit a meaning.
    #[error("reserved bit is set")]
    ReservedBit,
    /// An opcode that RFC 6455 does not define.
    #[error("opcode {0} is reserved")]
    ReservedOpcode(u8),
    /// [RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5): a control frame without FIN.
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// [RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5): a control frame over 125 bytes.
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A length in more bytes than it needs.
    #[error("length is not in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit length whose most significant bit is set.
    #[error("length has its most significant bit set")]
    LengthOverflow,
    /// A continuation frame while no message is open.
    #[error("continuation frame without a message")]
    UnexpectedContinuation,
    /// A text or binary frame while a fragmented message is open.
    #[error("new message inside a fragmented message")]
    UnfinishedMessage,
    /// A close payload of one byte, which cannot hold a code.
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
    /// A message that declares more than sixteen times the limit.
    #[error("message is far too large")]
    MessageTooLong,
    /// A message of more frames than allowed.
    #[error("message has too many fragments")]
    TooManyFragments,
}

impl ProtocolError {
    /// The code to close the connection with
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
