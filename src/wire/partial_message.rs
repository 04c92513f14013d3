//! A data message of which not all bytes have been received.

use super::{Limits, ProtocolError};

/// Minimum capacity of the buffer, so that it does not grow byte by byte when a message trickles in.
const MIN_BUFFER_BYTES: usize = 64;

/// The two kinds of data messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    Text,
    Binary,
}

/// What to do with the payload of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Append it to the message.
    Keep,
    /// This frame makes the message too large: report that, and skip this payload and the rest of the message.
    TooLarge,
    /// The message has already been reported as too large: skip the payload.
    Skip,
}

/// The part of a message received so far.
#[derive(Debug)]
pub(super) struct PartialMessage {
    kind: MessageKind,
    /// The unmasked payload received so far. Its capacity never exceeds `max_message_bytes`, and grows with the bytes
    /// received, not with those declared.
    bytes: Vec<u8>,
    /// The length of the prefix of `bytes` that is valid UTF-8. At most three bytes of an incomplete character follow.
    valid: usize,
    /// Payload bytes declared by the frame headers so far.
    declared: u64,
    /// The number of frames so far.
    fragments: usize,
    /// Whether the last frame of the message has begun, so that `declared` is final.
    last: bool,
    /// Whether the message is too large, so that none of it is kept.
    skipped: bool,
}

impl PartialMessage {
    pub(super) fn new(kind: MessageKind) -> Self {
        Self {
            kind,
            bytes: Vec::new(),
            valid: 0,
            declared: 0,
            fragments: 0,
            last: false,
            skipped: false,
        }
    }

    /// Checks the next frame against the limits by its header alone.
    ///
    /// Errors: [`ProtocolError::TooManyFragments`] and [`ProtocolError::MessageTooLong`] end the connection.
    pub(super) fn admit(
        &mut self,
        length: u64,
        last: bool,
        limits: &Limits,
    ) -> Result<Admission, ProtocolError> {
        if self.fragments > 0 && self.fragments >= limits.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        self.fragments += 1;
        self.last = last;
        self.declared = self
            .declared
            .checked_add(length)
            .filter(|declared| *declared <= limits.max_skipped_bytes())
            .ok_or(ProtocolError::MessageTooLong)?;
        if self.skipped {
            return Ok(Admission::Skip);
        }
        if self.declared > limits.max_message_bytes as u64 {
            self.skipped = true;
            self.bytes = Vec::new();
            return Ok(Admission::TooLarge);
        }
        Ok(Admission::Keep)
    }

    /// Appends an unmasked piece of the payload of a frame that was admitted with [`Admission::Keep`].
    ///
    /// Errors: [`ProtocolError::TextNotUtf8`] if this is a text message and the piece makes it invalid.
    pub(super) fn push(&mut self, piece: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let max_capacity = if self.last {
                self.declared as usize
            } else {
                limits.max_message_bytes
            };
            let capacity = needed
                .max(self.bytes.capacity().saturating_mul(2))
                .max(MIN_BUFFER_BYTES)
                .min(max_capacity);
            self.bytes
                .reserve_exact(capacity.max(needed) - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        match self.kind {
            MessageKind::Text => self.validate(),
            MessageKind::Binary => Ok(()),
        }
    }

    /// Validates the new bytes. Fails as soon as no further byte could make the text valid UTF-8
    /// ([RFC 6455 §8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1)).
    fn validate(&mut self) -> Result<(), ProtocolError> {
        match simdutf8::compat::from_utf8(&self.bytes[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(ProtocolError::TextNotUtf8),
        }
        Ok(())
    }

    /// Ends the message after its last frame and returns its kind.
    ///
    /// Errors: [`ProtocolError::TextNotUtf8`] if a text ends in the middle of a character.
    pub(super) fn finish(&self) -> Result<MessageKind, ProtocolError> {
        if self.kind == MessageKind::Text && self.valid < self.bytes.len() {
            return Err(ProtocolError::TextNotUtf8);
        }
        Ok(self.kind)
    }

    pub(super) fn is_skipped(&self) -> bool {
        self.skipped
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The capacity of the buffer, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_message_bytes: 1000,
        max_fragments: 3,
    };

    #[test]
    fn allocates_for_received_bytes_not_for_declared_ones() {
        let mut message = PartialMessage::new(MessageKind::Binary);
        assert_eq!(message.admit(1000, true, &LIMITS), Ok(Admission::Keep));
        assert_eq!(message.capacity(), 0);
        message.push(&[0], &LIMITS).unwrap();
        assert_eq!(message.capacity(), MIN_BUFFER_BYTES);
        for _ in 1..1000 {
            message.push(&[0], &LIMITS).unwrap();
        }
        assert_eq!(message.capacity(), 1000);
    }

    #[test]
    fn becomes_too_large_by_the_sum_of_its_frames_and_frees_its_buffer() {
        let mut message = PartialMessage::new(MessageKind::Binary);
        assert_eq!(message.admit(600, false, &LIMITS), Ok(Admission::Keep));
        message.push(&[0; 600], &LIMITS).unwrap();
        assert_eq!(message.admit(401, false, &LIMITS), Ok(Admission::TooLarge));
        assert_eq!(message.capacity(), 0);
        assert_eq!(message.admit(1, true, &LIMITS), Ok(Admission::Skip));
    }

    #[test]
    fn rejects_too_many_fragments_and_too_many_bytes() {
        let mut message = PartialMessage::new(MessageKind::Binary);
        for _ in 0..3 {
            message.admit(0, false, &LIMITS).unwrap();
        }
        assert_eq!(
            message.admit(0, false, &LIMITS),
            Err(ProtocolError::TooManyFragments)
        );

        let mut message = PartialMessage::new(MessageKind::Binary);
        assert_eq!(
            message.admit(16_000, false, &LIMITS),
            Ok(Admission::TooLarge)
        );
        assert_eq!(
            message.admit(1, false, &LIMITS),
            Err(ProtocolError::MessageTooLong)
        );
    }

    #[test]
    fn rejects_an_invalid_byte_as_soon_as_it_arrives() {
        let mut message = PartialMessage::new(MessageKind::Text);
        message.admit(20, true, &LIMITS).unwrap();
        message.push(b"\xce\xba\xe1\xbd\xb9\xcf", &LIMITS).unwrap();
        message.push(b"\x83\xce\xbc\xce\xb5\xf4", &LIMITS).unwrap();
        // f4 can start a character, but 90 cannot follow it.
        assert_eq!(
            message.push(b"\x90", &LIMITS),
            Err(ProtocolError::TextNotUtf8)
        );
    }

    #[test]
    fn rejects_a_text_that_ends_inside_a_character() {
        let mut message = PartialMessage::new(MessageKind::Text);
        message.admit(1, true, &LIMITS).unwrap();
        message.push(b"\xce", &LIMITS).unwrap();
        assert_eq!(message.finish(), Err(ProtocolError::TextNotUtf8));
    }
}
