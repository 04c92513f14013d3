//! Masking of client payloads.

/// A masking key, rotated so that its first byte applies to the next byte of the payload
/// ([RFC 6455 §5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3)).
///
/// Masking and unmasking are the same operation, so clients can use it too.
///
/// ```
/// let mut mask = wavecast::wire::Mask::new([0x37, 0xfa, 0x21, 0x3d]);
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// let (first, rest) = payload.split_at_mut(2);
/// mask.apply(first);
/// mask.apply(rest);
/// assert_eq!(&payload, b"Hello");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask([u8; 4]);

impl Mask {
    /// A mask at the start of its payload.
    pub const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks or unmasks the next piece of the payload in place. Pieces can have any length.
    pub fn apply(&mut self, piece: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let pad = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, tail) = piece.as_chunks_mut::<8>();
        // Whole words and no carried index: LLVM vectorizes a loop of this shape.
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ pad).to_ne_bytes();
        }
        for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
            *byte ^= key;
        }
        // A word is two keys long, so only the tail shifts the phase.
        self.0.rotate_left(tail.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmasks_the_example_of_the_rfc() {
        let mut payload = *b"\x7f\x9f\x4d\x51\x58";
        Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn keeps_its_phase_across_pieces_of_any_length() {
        let key = [1, 2, 4, 8];
        for cut in 0..40 {
            let mut payload: Vec<u8> = (0..40).collect();
            let mut mask = Mask::new(key);
            let (first, rest) = payload.split_at_mut(cut);
            mask.apply(first);
            mask.apply(&mut []);
            mask.apply(rest);
            for (at, byte) in payload.iter().enumerate() {
                assert_eq!(*byte, at as u8 ^ key[at % 4], "cut {cut}, byte {at}");
            }
        }
    }
}
