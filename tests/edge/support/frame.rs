//! The frames of a client, byte by byte, and those that the server sends back.

pub const TEXT: u8 = 0x81;
pub const TEXT_FRAGMENT: u8 = 0x01;
pub const CONTINUATION: u8 = 0x00;
pub const FINAL_CONTINUATION: u8 = 0x80;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The head of a masked frame that declares `length` bytes of payload.
pub fn frame_head(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = head(first, 0x80, length);
    bytes.extend_from_slice(&KEY);
    bytes
}

fn head(first: u8, mask_bit: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    if length < 126 {
        bytes.push(mask_bit | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(mask_bit | 0x7e);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(mask_bit | 0x7f);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
    bytes
}

/// A whole masked frame; `first` holds FIN, the reserved bits and the opcode.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame_head(first, payload.len());
    let masked = payload.iter().zip(KEY.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

/// A frame without a mask, which no client may send.
pub fn unmasked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, 0, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

pub fn text_frame(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(
        CLOSE,
        &[&code.to_be_bytes()[..], reason.as_bytes()].concat(),
    )
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Takes a frame off the front of `bytes` once the whole frame is there. Panics on a
    /// frame that a server may not send.
    pub fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert_eq!(second & 0x80, 0, "a server does not mask its frames");
        assert_eq!(first & 0x70, 0, "no reserved bit is set");
        let (start, length) = match second {
            126 => {
                let length = u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap());
                assert!(length > 125, "the length is written in its shortest form");
                (4, usize::from(length))
            }
            127 => {
                let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap());
                assert!(
                    length > 0xffff,
                    "the length is written in its shortest form"
                );
                (10, usize::try_from(length).unwrap())
            }
            short => (2, usize::from(short)),
        };
        let payload = bytes.get(start..start + length)?.to_vec();
        bytes.drain(..start + length);
        Some(Self { first, payload })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("UTF-8")
    }

    /// The code and the reason of a Close frame; without a code, zero.
    pub fn close(&self) -> (u16, &str) {
        assert_eq!(self.first, CLOSE, "not a Close frame: {self:?}");
        match self.payload.split_first_chunk() {
            Some((code, reason)) => (
                u16::from_be_bytes(*code),
                std::str::from_utf8(reason).expect("UTF-8"),
            ),
            None => (0, ""),
        }
    }
}
