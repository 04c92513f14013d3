//! What one client may send in one message.

/// Bounds on one incoming data message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of a message; 64 KiB by default. Zero admits empty messages only. A larger message is announced
    /// as [`Event::TooLarge`](super::Event::TooLarge) and skipped; one that declares more than sixteen times as
    /// much ends the connection.
    pub max_message_bytes: usize,
    /// Frames of a message, empty ones included; 1024 by default. Zero and one both mean that no message may be
    /// fragmented. One frame more ends the connection.
    pub max_fragments: usize,
}

impl Limits {
    /// Declared payload bytes a message may have and still be skipped instead of ending the connection.
    pub(super) fn max_skipped_bytes(&self) -> u64 {
        (self.max_message_bytes as u64).saturating_mul(16)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            max_fragments: 1024,
        }
    }
}
