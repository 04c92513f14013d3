//! The tester's own frame reader: decodes server frames in place, in a buffer that belongs to the caller.

use super::server_frame::{FrameError, MAX_MESSAGE, ServerFrame};

/// The state of one connection between two reads: usually empty.
#[derive(Debug, Default)]
pub(crate) struct LeanReader {
    /// The bytes of an incomplete frame.
    tail: Vec<u8>,
    /// Opcode and payload of a fragmented message so far. Boxed, because servers rarely fragment.
    fragments: Option<Box<(u8, Vec<u8>)>>,
}

/// A tail that needed no more than this keeps its allocation.
const KEPT_TAIL: usize = 512;

impl LeanReader {
    /// The bytes of an incomplete frame. Put them in front of the next bytes read from the socket.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Decodes every complete frame in `bytes`, which starts with [`tail`](Self::tail), and keeps the rest as the new tail.
    ///
    /// # Errors
    /// The first error, of a frame or of `on_frame`. The reader cannot be used after it.
    pub(crate) fn feed<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut on_frame: impl FnMut(ServerFrame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some((header, payload, after)) = split_frame(rest)? {
            self.frame(header, payload, &mut on_frame)?;
            rest = after;
        }
        if self.tail.capacity() > KEPT_TAIL {
            self.tail = Vec::new();
        } else {
            self.tail.clear();
        }
        self.tail.extend_from_slice(rest);
        Ok(())
    }

    fn frame<E: From<FrameError>>(
        &mut self,
        header: u8,
        payload: &[u8],
        on_frame: &mut impl FnMut(ServerFrame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let last = header & 0x80 != 0;
        match (header & 0x0F, last, self.fragments.as_mut()) {
            (1, true, None) => on_text(payload, on_frame),
            (2, true, None) => on_frame(ServerFrame::Binary(payload)),
            (opcode @ (1 | 2), false, None) => {
                self.fragments = Some(Box::new((opcode, payload.to_vec())));
                Ok(())
            }
            (0, _, Some(fragments)) => {
                if fragments.1.len() + payload.len() > MAX_MESSAGE {
                    return Err(FrameError::TooLong.into());
                }
                fragments.1.extend_from_slice(payload);
                match self.fragments.take_if(|_| last).as_deref() {
                    Some((1, message)) => on_text(message, on_frame),
                    Some((_, message)) => on_frame(ServerFrame::Binary(message)),
                    None => Ok(()),
                }
            }
            (0..=2, _, _) => Err(FrameError::Fragment.into()),
            (8, ..) => on_frame(close_frame(payload)),
            (9, ..) => on_frame(ServerFrame::Ping(payload)),
            (10, ..) => on_frame(ServerFrame::Pong),
            (opcode, ..) => Err(FrameError::Opcode(opcode).into()),
        }
    }
}

fn on_text<E: From<FrameError>>(
    payload: &[u8],
    on_frame: &mut impl FnMut(ServerFrame<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if std::str::from_utf8(payload).is_err() {
        return Err(FrameError::Utf8.into());
    }
    on_frame(ServerFrame::Text(payload))
}

fn close_frame(payload: &[u8]) -> ServerFrame<'_> {
    match payload {
        [high, low, reason @ ..] => ServerFrame::Close(u16::from_be_bytes([*high, *low]), reason),
        _ => ServerFrame::Close(1005, &[]),
    }
}

type Split<'a> = (u8, &'a [u8], &'a [u8]);

/// The first header byte, the payload and the bytes after the frame. `None` if the frame is incomplete.
fn split_frame(bytes: &[u8]) -> Result<Option<Split<'_>>, FrameError> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBit);
    }
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    if first & 0x08 != 0 && (first & 0x80 == 0 || *second > 125) {
        return Err(FrameError::Control);
    }
    let (length, rest) = match second {
        126 => match rest {
            [a, b, rest @ ..] => (u64::from(u16::from_be_bytes([*a, *b])), rest),
            _ => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        short => (u64::from(*short), rest),
    };
    if length > MAX_MESSAGE as u64 {
        return Err(FrameError::TooLong);
    }
    Ok(rest
        .split_at_checked(length as usize)
        .map(|(payload, after)| (*first, payload, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `stream` in pieces of `step` bytes, as reads into a shared buffer do.
    fn read(stream: &[u8], step: usize) -> Result<Vec<String>, FrameError> {
        let mut reader = LeanReader::default();
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            let buffer = [reader.tail(), piece].concat();
            reader.feed(&buffer, |frame| {
                seen.push(match frame {
                    ServerFrame::Text(text) => {
                        format!("text {} {:.5}", text.len(), String::from_utf8_lossy(text))
                    }
                    other => format!("{other:?}"),
                });
                Ok::<(), FrameError>(())
            })?;
        }
        assert!(reader.tail().is_empty(), "nothing may be left over");
        Ok(seen)
    }

    #[test]
    fn reads_the_same_however_the_bytes_are_cut() {
        let mut stream = b"\x81\x05Hello".to_vec();
        stream.extend_from_slice(b"\x89\x02hi");
        stream.extend_from_slice(b"\x81\x7e\x01\x2c");
        stream.extend_from_slice(&[b'x'; 300]);
        stream.extend_from_slice(b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70");
        stream.extend_from_slice(&vec![b'y'; 70_000]);
        stream.extend_from_slice(b"\x01\x03Hel\x89\x00\x80\x02lo");
        stream.extend_from_slice(b"\x8a\x00\x88\x05\x03\xf5bye");
        let whole = read(&stream, stream.len()).expect("valid");
        assert_eq!(
            whole,
            [
                "text 5 Hello",
                "Ping([104, 105])",
                "text 300 xxxxx",
                "text 70000 yyyyy",
                "Ping([])",
                "text 5 Hello",
                "Pong",
                "Close(1013, [98, 121, 101])"
            ]
        );
        for step in [1, 2, 3, 7, 100, 4096] {
            assert_eq!(read(&stream, step).as_ref(), Ok(&whole), "pieces of {step}");
        }
    }

    #[test]
    fn refuses_what_the_rfc_forbids() {
        assert_eq!(read(b"\x81\x85....Hello", 99), Err(FrameError::Masked));
        assert_eq!(read(b"\xc1\x00", 99), Err(FrameError::ReservedBit));
        assert_eq!(read(b"\x83\x00", 99), Err(FrameError::Opcode(3)));
        assert_eq!(read(b"\x09\x00", 99), Err(FrameError::Control));
        assert_eq!(read(b"\x89\x7e\x00\x7e", 99), Err(FrameError::Control));
        assert_eq!(read(b"\x80\x00", 99), Err(FrameError::Fragment));
        assert_eq!(read(b"\x01\x00\x81\x00", 99), Err(FrameError::Fragment));
        assert_eq!(
            read(b"\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00", 99),
            Err(FrameError::TooLong)
        );
    }

    #[test]
    fn keeps_no_buffer_of_a_long_message() {
        let mut reader = LeanReader::default();
        let mut stream = b"\x81\x7e\x10\x00".to_vec();
        stream.extend_from_slice(&[b'x'; 4096]);
        reader
            .feed(&stream[..4000], |_| Ok::<(), FrameError>(()))
            .expect("valid");
        assert_eq!(reader.tail().len(), 4000);
        reader
            .feed(&stream, |_| Ok::<(), FrameError>(()))
            .expect("valid");
        assert_eq!(reader.tail.capacity(), 0);
    }
}
