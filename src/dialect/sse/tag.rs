//! Tags: the short names of channels in event ids.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 48 bits, which are 8 characters.
const TAG_BYTES: usize = 6;
pub(super) const TAG_CHARS: usize = 8;

/// A hash of a channel's name, in base64url.
pub(super) type Tag = [u8; TAG_CHARS];

/// FNV-1a, folded to 48 bits. Must be the same in every version and on every machine, because
/// ids outlive both.
pub(super) fn tag_of(name: &str) -> Tag {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash ^ (hash >> 48)).to_be_bytes();
    let mut tag = [0; TAG_CHARS];
    let encoded = URL_SAFE_NO_PAD.encode_slice(&folded[8 - TAG_BYTES..], &mut tag);
    debug_assert_eq!(encoded, Ok(TAG_CHARS));
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_never_change() {
        assert_eq!(&tag_of("news"), b"W7qgOoBv");
    }
}
