//! Limits on incoming messages.

/// Limits on one incoming data message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum payload of a message, in bytes. Default: 64 KiB. 0 allows only empty messages. A larger message is
    /// reported as [`Event::TooLarge`](super::Event::TooLarge) and skipped; one that declares more than sixteen times
    /// this size ends the connection.
    pub max_message_bytes: usize,
    /// Maximum number of frames per message, including empty ones. Default: 1024. 0 and 1 both mean that messages must
    /// not be fragmented. One frame more ends the connection.
    pub max_fragments: usize,
}

impl Limits {
    /// Maximum declared payload of a message that is skipped. A larger one ends the connection.
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
