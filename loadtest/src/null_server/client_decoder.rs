//! Decodes client frames and rejects what RFC 6455 forbids.

/// The longest message, as in Wavecast.
const MAX_MESSAGE: usize = 64 * 1024;
/// A message that is longer than this many times the limit is not skipped, but closes the connection.
const FAR_PAST: usize = 16;
/// Maximum number of fragments of a message.
const MAX_FRAGMENTS: u32 = 1024;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientInput {
    /// A text message.
    Text(Vec<u8>),
    /// A message over the size limit, which was skipped.
    TooLong,
    Pong,
    /// A Close frame, with this payload.
    Close(Vec<u8>),
    /// A ping or a binary message, which the tester does not send.
    Other,
    /// A protocol violation, for which the client must be closed with this code.
    Violation(u16),
}

/// The undecoded bytes and the incomplete message of one connection.
#[derive(Debug, Default)]
pub(super) struct ClientDecoder {
    pub(super) bytes: Vec<u8>,
    message: Option<PartialMessage>,
}

#[derive(Debug)]
struct PartialMessage {
    is_text: bool,
    fragments: u32,
    payload: Vec<u8>,
}

struct Header {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    length: usize,
    /// Size of the header.
    size: usize,
}

impl ClientDecoder {
    /// The next input. `None` if it is not complete yet.
    pub(super) fn next(&mut self) -> Option<ClientInput> {
        loop {
            let header = match header(&self.bytes)? {
                Ok(header) => header,
                Err(code) => return Some(ClientInput::Violation(code)),
            };
            let end = header.size + header.length;
            let payload = self.bytes.get(header.size..end)?;
            let payload: Vec<u8> = payload
                .iter()
                .zip(header.mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask)
                .collect();
            self.bytes.drain(..end);
            if let Some(input) = self.frame(&header, payload) {
                return Some(input);
            }
        }
    }

    fn frame(&mut self, header: &Header, payload: Vec<u8>) -> Option<ClientInput> {
        match header.opcode {
            0x8 if is_close(&payload) => return Some(ClientInput::Close(payload)),
            0x8 => return Some(ClientInput::Violation(1002)),
            0x9 => return Some(ClientInput::Other),
            0xA => return Some(ClientInput::Pong),
            _ => {}
        }
        let message = match (header.opcode, self.message.take()) {
            (0, Some(mut message)) => {
                message.fragments += 1;
                message.payload.extend_from_slice(&payload);
                message
            }
            (0, None) | (_, Some(_)) => return Some(ClientInput::Violation(1002)),
            (opcode, None) => PartialMessage {
                is_text: opcode == 1,
                fragments: 1,
                payload,
            },
        };
        if message.fragments > MAX_FRAGMENTS || message.payload.len() > MAX_MESSAGE * FAR_PAST {
            return Some(ClientInput::Violation(1009));
        }
        if !header.last {
            self.message = Some(message);
            return None;
        }
        Some(if message.payload.len() > MAX_MESSAGE {
            ClientInput::TooLong
        } else if !message.is_text {
            ClientInput::Other
        } else if std::str::from_utf8(&message.payload).is_err() {
            ClientInput::Violation(1007)
        } else {
            ClientInput::Text(message.payload)
        })
    }
}

/// Decodes a header. `None` if more bytes are needed; a close code if the frame is not allowed.
fn header(bytes: &[u8]) -> Option<Result<Header, u16>> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    let opcode = first & 0x0F;
    let is_control = opcode & 0x8 != 0;
    let last = first & 0x80 != 0;
    let short = second & 0x7F;
    if first & 0x70 != 0
        || second & 0x80 == 0
        || !matches!(opcode, 0..=2 | 8..=10)
        || is_control && (!last || short > 125)
    {
        return Some(Err(1002));
    }
    let (length, rest) = match short {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*length), rest)
        }
        short => (u64::from(short), rest),
    };
    if short == 126 && length < 126 || short == 127 && length <= 0xFFFF {
        return Some(Err(1002));
    }
    let (mask, rest) = rest.split_first_chunk::<4>()?;
    if length > (MAX_MESSAGE * FAR_PAST) as u64 {
        return Some(Err(1009));
    }
    Some(Ok(Header {
        last,
        opcode,
        mask: *mask,
        length: length as usize,
        size: bytes.len() - rest.len(),
    }))
}

/// Whether a Close frame may have this payload.
fn is_close(payload: &[u8]) -> bool {
    let [high, low, reason @ ..] = payload else {
        return payload.is_empty();
    };
    let code = u16::from_be_bytes([*high, *low]);
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) && std::str::from_utf8(reason).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<ClientInput> {
        let mut decoder = ClientDecoder {
            bytes: bytes.to_vec(),
            message: None,
        };
        std::iter::from_fn(|| decoder.next()).take(3).collect()
    }

    #[test]
    fn decodes_messages_and_rejects_violations() {
        assert_eq!(
            all(b"\x01\x81\0\0\0\x01i\x80\x81\0\0\0\0i\x8A\x80\0\0\0\0"),
            [ClientInput::Text(b"ii".to_vec()), ClientInput::Pong]
        );
        assert_eq!(all(b"\x81\x02hi")[0], ClientInput::Violation(1002));
        assert_eq!(
            all(b"\x81\x82\0\0\0\0\xC3\x28"),
            [ClientInput::Violation(1007)]
        );
        assert_eq!(all(b"\x81\x85\0\0\0\0cut"), []);
    }
}
