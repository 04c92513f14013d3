//! What a server can send: RFC 6455 frames, and the ways in which they can be wrong.

use thiserror::Error;

/// The longest message that the tester accepts.
pub(crate) const MAX_MESSAGE: usize = 2 * 1024 * 1024;

/// A complete message or control frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerFrame<'a> {
    /// A text message, reassembled if it was fragmented.
    Text(&'a [u8]),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping. The pong must carry the same payload.
    Ping(&'a [u8]),
    /// A pong. The tester sends no pings, so it ignores pongs.
    Pong,
    /// A Close frame: its code (1005 if it has none) and its reason.
    Close(u16, &'a [u8]),
}

/// The server violated RFC 6455.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// §5.1: a server must not mask its frames.
    #[error("masked server frame")]
    Masked,
    /// §5.2: no extension was negotiated.
    #[error("reserved bit set")]
    ReservedBit,
    /// §5.2: the opcode is not defined.
    #[error("unknown opcode {0}")]
    Opcode(u8),
    /// §5.5: control frames are not fragmented and carry at most 125 bytes.
    #[error("bad control frame")]
    Control,
    /// §5.4: a continuation without a beginning, or a new message inside a fragmented one.
    #[error("bad fragment order")]
    Fragment,
    /// Longer than [`MAX_MESSAGE`].
    #[error("message over 2 MiB")]
    TooLong,
    /// §8.1: text must be UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// Only with `--engine tungstenite`: another error of that crate.
    #[error("rejected by tungstenite")]
    Refused,
}
