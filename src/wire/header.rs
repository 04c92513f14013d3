//! The header of a client's frame.

use std::ops::Range;

use super::opcode::Opcode;
use super::{Mask, ProtocolError};

/// Maximum length of a header: two bytes, a 64-bit length, a masking key.
const MAX_HEADER_BYTES: usize = 14;

/// A complete, valid frame header ([RFC 6455 §5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    /// The declared length of the payload: less than 2^63, and at most 125 for a control frame.
    pub(super) length: u64,
    pub(super) mask: Mask,
}

impl Header {
    /// Parses a header from the front of `bytes`. Returns it with its size, or `None` if it is incomplete. An invalid
    /// byte is an error even if the header is incomplete.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBit);
        }
        let fin = first & 0x80 != 0;
        let opcode = Opcode::from_nibble(first & 0x0f)?;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }

        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(ProtocolError::Unmasked);
        }
        let short = second & 0x7f;
        if opcode.is_control() && short > 125 {
            return Err(ProtocolError::ControlTooLong);
        }

        let Some((length, rest)) = parse_length(short, rest)? else {
            return Ok(None);
        };
        let Some((key, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let mask = Mask::new(*key);
        let header = Self {
            fin,
            opcode,
            length,
            mask,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// The range of the payload in `input`, where it begins at `start`. Returns `None` if `input` ends before it does.
    pub(super) fn payload_in(&self, input: &[u8], start: usize) -> Option<Range<usize>> {
        let end = start.checked_add(usize::try_from(self.length).ok()?)?;
        (end <= input.len()).then_some(start..end)
    }

    /// Unmasks the whole payload.
    pub(super) fn unmask(&self, payload: &mut [u8]) {
        let mut mask = self.mask;
        mask.apply(payload);
    }
}

/// Parses the payload length. Returns it with the bytes that follow, or `None` if it is incomplete.
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (length, rest, min) = match short {
        126 => {
            let Some((bytes, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            (u64::from(u16::from_be_bytes(*bytes)), rest, 126)
        }
        127 => {
            let Some((bytes, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            (u64::from_be_bytes(*bytes), rest, 0x1_0000)
        }
        length => (u64::from(length), rest, 0),
    };
    if length >> 63 != 0 {
        return Err(ProtocolError::LengthOverflow);
    }
    // "The minimal number of bytes MUST be used to encode the length".
    if length < min {
        return Err(ProtocolError::LengthNotMinimal);
    }
    Ok(Some((length, rest)))
}

/// A header that arrives in pieces. Stored inline in the decoder, because even an idle connection may hold part of one.
#[derive(Debug, Default)]
pub(super) struct PartialHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    len: u8,
}

impl PartialHeader {
    /// Consumes a header from the front of `input`. Returns the number of bytes consumed, and the header if it is now
    /// complete.
    pub(super) fn advance(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<Header>), ProtocolError> {
        let kept = usize::from(self.len);
        if kept == 0
            && let Some((header, size)) = Header::parse(input)?
        {
            return Ok((size, Some(header)));
        }
        let taken = input.len().min(MAX_HEADER_BYTES - kept);
        let filled = kept + taken;
        self.bytes[kept..filled].copy_from_slice(&input[..taken]);
        if let Some((header, size)) = Header::parse(&self.bytes[..filled])? {
            self.len = 0;
            // More than the header may have been copied; the rest was not consumed. The header is longer
            // than what was kept, or it would have been complete before.
            return Ok((size - kept, Some(header)));
        }
        self.len = filled as u8;
        Ok((taken, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn header(start: &[u8]) -> Vec<u8> {
        [start, &KEY].concat()
    }

    #[test]
    fn parses_every_form_of_length() {
        let cases: [(&[u8], u64); 7] = [
            (b"\x82\x80", 0),
            (b"\x82\xfd", 125),
            (b"\x82\xfe\x00\x7e", 126),
            (b"\x82\xfe\x01\x00", 256),
            (b"\x82\xfe\xff\xff", 65_535),
            (b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 65_536),
            (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", u64::MAX >> 1),
        ];
        for (start, length) in cases {
            let bytes = header(start);
            let (header, size) = Header::parse(&bytes).unwrap().unwrap();
            assert_eq!((header.length, size), (length, bytes.len()));
            assert_eq!(
                (header.fin, header.opcode, header.mask),
                (true, Opcode::Binary, Mask::new(KEY))
            );
        }
    }

    #[test]
    fn rejects_an_invalid_byte_as_soon_as_it_arrives() {
        let cases: [(&[u8], ProtocolError); 12] = [
            (b"\xc1", ProtocolError::ReservedBit),
            (b"\xa1", ProtocolError::ReservedBit),
            (b"\x91", ProtocolError::ReservedBit),
            (b"\x83", ProtocolError::ReservedOpcode(3)),
            (b"\x8b", ProtocolError::ReservedOpcode(11)),
            (b"\x09", ProtocolError::FragmentedControl),
            (b"\x81\x05", ProtocolError::Unmasked),
            (b"\x89\xfe", ProtocolError::ControlTooLong),
            (b"\x88\xff", ProtocolError::ControlTooLong),
            (b"\x81\xfe\x00\x7d", ProtocolError::LengthNotMinimal),
            (
                b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff",
                ProtocolError::LengthNotMinimal,
            ),
            (
                b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00",
                ProtocolError::LengthOverflow,
            ),
        ];
        for (bytes, error) in cases {
            assert_eq!(Header::parse(bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn consumes_nothing_after_the_header() {
        let bytes = [header(b"\x81\xfe\x01\x00"), b"payload bytes".to_vec()].concat();
        for cut in 0..8 {
            let mut partial = PartialHeader::default();
            assert_eq!(partial.advance(&bytes[..cut]), Ok((cut, None)));
            let (used, header) = partial.advance(&bytes[cut..]).unwrap();
            assert_eq!((used, header.unwrap().length), (8 - cut, 256), "cut {cut}");
        }
    }
}
