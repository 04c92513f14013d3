//! Encodes the frames that the server sends.

use std::sync::Arc;

use super::opcode::Opcode;
use super::reassembly::MAX_CONTROL_BYTES;

/// Maximum length of an unmasked frame's header: two bytes and a 64-bit length.
const MAX_HEADER_BYTES: usize = 10;

/// What a frame is for, which decides whether it may overtake others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameRole {
    /// A message.
    Data,
    /// A ping of the heartbeat.
    Ping,
    /// The answer to a client's ping.
    Pong,
    /// The last frame of a connection.
    Close,
}

/// An encoded server frame: complete, unmasked, the same bytes for every client.
///
/// Cloning increments a reference count and copies no payload, so a broadcast is encoded once and all outboxes share
/// the payload. Cloning a frame without a payload, such as a ping, does not even touch a reference count.
/// [`header`](Self::header) and [`payload`](Self::payload) are the two buffers of a vectored write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::len_without_is_empty, reason = "a frame is never empty")]
pub struct Frame {
    header: [u8; MAX_HEADER_BYTES],
    header_len: u8,
    role: FrameRole,
    /// `None` if empty.
    payload: Option<Arc<[u8]>>,
}

impl Frame {
    /// A text message, sharing the text.
    pub fn text(text: Arc<str>) -> Self {
        Self::new(Opcode::Text, Some(text.into()))
    }

    /// A text message from bytes that the caller knows to be UTF-8.
    pub fn utf8(bytes: Arc<[u8]>) -> Self {
        Self::new(Opcode::Text, Some(bytes))
    }

    /// A ping for clients that answer no WebSocket pings: a text message that the client's protocol
    /// defines.
    pub fn application_ping(text: Arc<str>) -> Self {
        Self {
            role: FrameRole::Ping,
            ..Self::text(text)
        }
    }

    /// Bytes without a WebSocket header, for a transport of its own.
    pub fn unframed(role: FrameRole, bytes: Arc<[u8]>) -> Self {
        Self {
            header: [0; MAX_HEADER_BYTES],
            header_len: 0,
            role,
            payload: Some(bytes),
        }
    }

    /// A binary message, sharing the bytes.
    pub fn binary(bytes: Arc<[u8]>) -> Self {
        Self::new(Opcode::Binary, Some(bytes))
    }

    /// A ping without a payload.
    pub fn ping() -> Self {
        Self::new(Opcode::Ping, None)
    }

    /// The answer to a ping, with the same payload. It is truncated to 125 bytes, the maximum for a control frame.
    pub fn pong(payload: &[u8]) -> Self {
        let payload = &payload[..payload.len().min(MAX_CONTROL_BYTES)];
        Self::new(Opcode::Pong, (!payload.is_empty()).then(|| payload.into()))
    }

    /// A Close frame with a code and a reason. The reason is truncated at a character boundary to the 123 bytes that fit
    /// ([RFC 6455 §5.5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1)).
    pub fn close(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_CONTROL_BYTES - 2);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = &reason[..end];
        Self::new(
            Opcode::Close,
            Some([&code.to_be_bytes(), reason.as_bytes()].concat().into()),
        )
    }

    fn new(opcode: Opcode, payload: Option<Arc<[u8]>>) -> Self {
        let length = payload.as_ref().map_or(0, |payload| payload.len());
        let mut header = [0; MAX_HEADER_BYTES];
        header[0] = 0x80 | opcode as u8;
        // RFC 6455 §5.2: the shortest of the three forms, in network byte order.
        let header_len = if let Ok(short @ ..=125) = u8::try_from(length) {
            header[1] = short;
            2
        } else if let Ok(medium) = u16::try_from(length) {
            header[1] = 126;
            header[2..4].copy_from_slice(&medium.to_be_bytes());
            4
        } else {
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        };
        let role = match opcode {
            Opcode::Ping => FrameRole::Ping,
            Opcode::Pong => FrameRole::Pong,
            Opcode::Close => FrameRole::Close,
            Opcode::Text | Opcode::Binary | Opcode::Continuation => FrameRole::Data,
        };
        Self {
            header,
            header_len,
            role,
            payload,
        }
    }

    /// The header: 2 to 10 bytes, or none for an [unframed](Self::unframed) frame.
    pub fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }

    /// The payload, which may be empty.
    pub fn payload(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }

    /// The length on the wire in bytes, header and payload together.
    pub fn len(&self) -> usize {
        self.header().len() + self.payload().len()
    }

    /// What the frame is for.
    pub fn role(&self) -> FrameRole {
        self.role
    }

    /// Whether this is a ping, pong or Close frame.
    pub fn is_control(&self) -> bool {
        self.role != FrameRole::Data
    }

    /// Appends the encoded frame to `out`.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        out.reserve(self.len());
        out.extend_from_slice(self.header());
        out.extend_from_slice(self.payload());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(frame: &Frame) -> Vec<u8> {
        let mut out = Vec::new();
        frame.copy_to(&mut out);
        assert_eq!(out.len(), frame.len());
        out
    }

    #[test]
    fn encodes_the_examples_of_the_rfc() {
        assert_eq!(bytes(&Frame::text("Hello".into())), b"\x81\x05Hello");
        assert_eq!(bytes(&Frame::pong(b"Hello")), b"\x8a\x05Hello");
        assert_eq!(
            Frame::binary(vec![0; 256].into()).header(),
            b"\x82\x7e\x01\x00"
        );
        assert_eq!(
            Frame::binary(vec![0; 65_536].into()).header(),
            b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
        );
    }

    #[test]
    fn encodes_control_frames() {
        assert_eq!(bytes(&Frame::ping()), b"\x89\x00");
        assert_eq!(bytes(&Frame::pong(b"")), b"\x8a\x00");
        assert_eq!(bytes(&Frame::close(1001, "")), b"\x88\x02\x03\xe9");
        assert_eq!(bytes(&Frame::close(1013, "slow")), b"\x88\x06\x03\xf5slow");
        assert!(Frame::ping().is_control() && Frame::close(1000, "").is_control());
        assert!(!Frame::text("".into()).is_control());
    }

    #[test]
    fn truncates_a_long_reason_between_characters() {
        let frame = Frame::close(1000, &"é".repeat(100));
        assert_eq!(frame.payload().len(), 2 + 122);
        assert!(str::from_utf8(&frame.payload()[2..]).is_ok());
    }

    #[test]
    fn truncates_a_pong_that_is_too_long() {
        assert_eq!(Frame::pong(&[7; 200]).payload(), [7; 125]);
    }

    #[test]
    fn is_small_and_shares_its_payload() {
        assert_eq!(size_of::<Frame>(), 32);
        let payload: Arc<[u8]> = [1, 2, 3].into();
        let frame = Frame::binary(Arc::clone(&payload));
        let _clone = frame.clone();
        assert_eq!(Arc::strong_count(&payload), 3);
    }
}
