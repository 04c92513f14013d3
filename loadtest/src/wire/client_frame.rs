//! Encodes client frames, masked as RFC 6455 §5.3 requires.

/// Text frame opcode.
pub(crate) const TEXT: u8 = 0x1;
/// Close frame opcode.
pub(crate) const CLOSE: u8 = 0x8;
/// Pong frame opcode.
pub(crate) const PONG: u8 = 0xA;

/// Appends one unfragmented frame to `out`. Masks protect proxies from payloads that a script has chosen. The tester's
/// payloads are its own, so the mask need not be random.
pub(crate) fn encode(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: u32) {
    let mask = mask.to_be_bytes();
    out.push(0x80 | opcode);
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=0xFFFF => {
            out.push(0x80 | 0x7E);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(0x80 | 0x7F);
            out.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_the_example_of_the_rfc() {
        // RFC 6455 §5.7: a single-frame masked text message that contains "Hello".
        let mut out = Vec::new();
        encode(&mut out, TEXT, b"Hello", 0x37fa_213d);
        assert_eq!(
            out,
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }

    #[test]
    fn encodes_extended_lengths() {
        let mut out = Vec::new();
        encode(&mut out, TEXT, &[0; 126], 0);
        assert_eq!(out[..4], [0x81, 0xFE, 0, 126]);
        out.clear();
        encode(&mut out, TEXT, &vec![0; 0x1_0000], 0);
        assert_eq!(out[..10], [0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
