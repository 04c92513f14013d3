//! Why a connection ended.

use crate::wire::server_frame::FrameError;
use std::io;
use thiserror::Error;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(crate) enum CloseCause {
    /// The server sent a Close frame.
    #[error("close {0} {1}")]
    Code(u16, String),
    /// The server refused a subscription while the connection was being set up.
    #[error("refused: {0}")]
    Refused(String),
    /// The tester unsubscribed, and the server has confirmed it.
    #[error("left")]
    Left,
    /// The server ended the stream without a Close frame.
    #[error("end of stream without a close frame")]
    EndOfStream,
    /// The socket failed.
    #[error("{0}")]
    Io(io::ErrorKind),
    /// The server violated RFC 6455.
    #[error("protocol: {0}")]
    Protocol(#[from] FrameError),
}
