//! What is kept of an API key.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// The SHA-256 of a whole API key. A key is 32 random bytes, so no slow hash is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyHash([u8; SHA256_OUTPUT_LEN]);

impl KeyHash {
    /// What a key of an unknown id is compared with. Nothing hashes to it that anyone knows.
    pub(super) const DUMMY: Self = Self([0; SHA256_OUTPUT_LEN]);

    /// The hash of a key.
    pub fn of(key: &[u8]) -> Self {
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(hash)
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * SHA256_OUTPUT_LEN {
            return None;
        }
        let mut hash = [0; SHA256_OUTPUT_LEN];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = (digit(0)? * 16 + digit(1)?) as u8;
        }
        Some(Self(hash))
    }

    /// The hash as 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digit = |digit: u8| char::from_digit(digit.into(), 16);
        digits.filter_map(digit).collect()
    }

    /// Whether this is the hash of `key`. The time does not depend on how much of it is right.
    pub(super) fn is_of(&self, key: &[u8]) -> bool {
        verify_slices_are_equal(&Self::of(key).0, &self.0).is_ok()
    }
}

/// Prints nothing of the hash.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, as in its published examples.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn it_is_the_sha_256_of_the_key() {
        let hash = KeyHash::of(b"abc");
        assert_eq!(hash.to_hex(), ABC);
        assert_eq!(KeyHash::from_hex(ABC), Some(hash.clone()));
        assert_eq!(KeyHash::from_hex(&ABC.to_uppercase()), Some(hash.clone()));
        assert!(hash.is_of(b"abc"));
        assert!(!hash.is_of(b"abd") && !hash.is_of(b"") && !KeyHash::DUMMY.is_of(b"abc"));
    }

    #[test]
    fn other_texts_are_not_hashes() {
        let short = &ABC[2..];
        for text in [
            "",
            short,
            &format!("{ABC}00"),
            &format!("{short}zz"),
            &format!("{short}+1"),
        ] {
            assert_eq!(KeyHash::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_never_printed() {
        assert_eq!(format!("{:?}", KeyHash::of(b"abc")), "***");
    }
}
