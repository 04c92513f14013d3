//! A data message that has begun and is not complete.

use super::{Limits, ProtocolError};

/// The smallest buffer, so that a message that drips in does not grow byte by byte.
const MIN_BUFFER_BYTES: usize = 64;

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

/// What to do with the payload of a frame that a message admitted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Keep it.
    Kept,
    /// The message has just become too large: say so, skip this and all that follows of it.
    TooLarge,
    /// The message was announced as too large before: skip it.
    Skipped,
}

/// The pieces of one message, assembled.
#[derive(Debug)]
pub(super) struct Message {
    kind: Kind,
    /// Unmasked payload so far; its capacity never passes `max_message_bytes` and follows arrived bytes, not declared
    /// ones.
    bytes: Vec<u8>,
    /// How much of `bytes` is known to be UTF-8; behind it are at most three bytes of an unfinished character.
    valid: usize,
    /// Payload bytes that the heads of the frames so far declared.
    declared: u64,
    /// Frames so far.
    fragments: usize,
    /// The last frame of the message has begun, so `declared` is final.
    last: bool,
    /// Over the limit: nothing of it is kept.
    skipped: bool,
}

impl Message {
    pub(super) fn new(kind: Kind) -> Self {
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

    /// Counts one more frame, by its head alone.
    pub(super) fn admit(
        &mut self,
        length: u64,
        last: bool,
        limits: &Limits,
    ) -> Result<Admitted, ProtocolError> {
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
            return Ok(Admitted::Skipped);
        }
        if self.declared > limits.max_message_bytes as u64 {
            self.skipped = true;
            self.bytes = Vec::new();
            return Ok(Admitted::TooLarge);
        }
        Ok(Admitted::Kept)
    }

    /// Appends a piece that was admitted and unmasked.
    pub(super) fn push(&mut self, piece: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let most = if self.last {
                self.declared as usize
            } else {
                limits.max_message_bytes
            };
            let capacity = needed
                .max(self.bytes.capacity().saturating_mul(2))
                .max(MIN_BUFFER_BYTES)
                .min(most);
            self.bytes
                .reserve_exact(capacity.max(needed) - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        match self.kind {
            Kind::Text => self.validate(),
            Kind::Binary => Ok(()),
        }
    }

    /// Checks what is new, and refuses a byte that no later byte can make right
    /// ([RFC 6455 §8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1)).
    fn validate(&mut self) -> Result<(), ProtocolError> {
        match simdutf8::compat::from_utf8(&self.bytes[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(ProtocolError::TextNotUtf8),
        }
        Ok(())
    }

    /// Ends the message after its last frame; a character must not be left unfinished.
    pub(super) fn finish(&self) -> Result<Kind, ProtocolError> {
        if self.kind == Kind::Text && self.valid < self.bytes.len() {
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

    /// Bytes of memory held.
    #[cfg(feature = "internals")]
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
    fn allocates_for_what_arrived_and_not_for_what_was_declared() {
        let mut message = Message::new(Kind::Binary);
        assert_eq!(message.admit(1000, true, &LIMITS), Ok(Admitted::Kept));
        assert_eq!(message.capacity(), 0);
        message.push(&[0], &LIMITS).unwrap();
        assert_eq!(message.capacity(), MIN_BUFFER_BYTES);
        for _ in 1..1000 {
            message.push(&[0], &LIMITS).unwrap();
        }
        assert_eq!(message.capacity(), 1000);
    }

    #[test]
    fn turns_too_large_by_the_sum_of_its_frames_and_frees_what_it_kept() {
        let mut message = Message::new(Kind::Binary);
        assert_eq!(message.admit(600, false, &LIMITS), Ok(Admitted::Kept));
        message.push(&[0; 600], &LIMITS).unwrap();
        assert_eq!(message.admit(401, false, &LIMITS), Ok(Admitted::TooLarge));
        assert_eq!(message.capacity(), 0);
        assert_eq!(message.admit(1, true, &LIMITS), Ok(Admitted::Skipped));
    }

    #[test]
    fn refuses_endless_fragments_and_endless_bytes() {
        let mut message = Message::new(Kind::Binary);
        for _ in 0..3 {
            message.admit(0, false, &LIMITS).unwrap();
        }
        assert_eq!(
            message.admit(0, false, &LIMITS),
            Err(ProtocolError::TooManyFragments)
        );

        let mut message = Message::new(Kind::Binary);
        assert_eq!(
            message.admit(16_000, false, &LIMITS),
            Ok(Admitted::TooLarge)
        );
        assert_eq!(
            message.admit(1, false, &LIMITS),
            Err(ProtocolError::MessageTooLong)
        );
    }

    #[test]
    fn refuses_a_bad_byte_when_it_arrives() {
        let mut message = Message::new(Kind::Text);
        message.admit(20, true, &LIMITS).unwrap();
        message.push(b"\xce\xba\xe1\xbd\xb9\xcf", &LIMITS).unwrap();
        message.push(b"\x83\xce\xbc\xce\xb5\xf4", &LIMITS).unwrap();
        // f4 can start a character, but none goes on with 90.
        assert_eq!(
            message.push(b"\x90", &LIMITS),
            Err(ProtocolError::TextNotUtf8)
        );
    }

    #[test]
    fn refuses_a_text_that_ends_inside_a_character() {
        let mut message = Message::new(Kind::Text);
        message.admit(1, true, &LIMITS).unwrap();
        message.push(b"\xce", &LIMITS).unwrap();
        assert_eq!(message.finish(), Err(ProtocolError::TextNotUtf8));
    }
}
