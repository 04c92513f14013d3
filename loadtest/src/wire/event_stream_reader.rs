//! Reads server-sent events: the data of each is handed on like a text message.

use super::handshake::{HandshakeError, response_head};
use super::server_frame::{FrameError, MAX_MESSAGE, ServerFrame};
use memchr::memmem;

/// The head of a response that is an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamHead {
    /// Its number of bytes.
    pub(crate) length: usize,
    /// Whether the body is in chunks (RFC 9112 §7.1).
    pub(crate) is_chunked: bool,
}

/// The request for an event stream; `headers` are further lines, each with its end.
pub(crate) fn request(host: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n{headers}\r\n")
        .into_bytes()
}

/// The head of the response. `None` while it is incomplete.
///
/// # Errors
/// The status is not 200, or it is not a response.
pub(crate) fn response(bytes: &[u8]) -> Result<Option<StreamHead>, HandshakeError> {
    let head = response_head(bytes, 200, |headers| {
        headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("transfer-encoding")
                && header.value.eq_ignore_ascii_case(b"chunked")
        })
    })?;
    Ok(head.map(|(length, is_chunked)| StreamHead { length, is_chunked }))
}

/// Reads one event stream.
#[derive(Debug, Default)]
pub(crate) struct EventStreamReader {
    is_chunked: bool,
    /// An incomplete chunk.
    raw: Vec<u8>,
    /// An incomplete event.
    text: Vec<u8>,
}

impl EventStreamReader {
    pub(crate) fn new(is_chunked: bool) -> Self {
        Self {
            is_chunked,
            ..Self::default()
        }
    }

    /// Hands on every event that is complete with `bytes`.
    ///
    /// # Errors
    /// The first error, of the stream or of `on_frame`.
    pub(crate) fn feed<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut on_frame: impl FnMut(ServerFrame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_chunked {
            self.raw.extend_from_slice(bytes);
            self.take_chunks()?;
        } else {
            self.text.extend_from_slice(bytes);
        }
        let mut from = 0;
        while let Some(end) = end_of_event(&self.text[from..]) {
            let data = data(&self.text[from..from + end]);
            from += end;
            if !data.is_empty() {
                on_frame(ServerFrame::Text(&data))?;
            }
        }
        self.text.drain(..from);
        if self.text.len().max(self.raw.len()) > MAX_MESSAGE {
            return Err(FrameError::TooLong.into());
        }
        Ok(())
    }

    /// Moves the contents of complete chunks to the text.
    fn take_chunks(&mut self) -> Result<(), FrameError> {
        let mut from = 0;
        while let Some(end) = memmem::find(&self.raw[from..], b"\r\n") {
            let size = std::str::from_utf8(&self.raw[from..from + end]).unwrap_or_default();
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| FrameError::Fragment)?;
            let start = from + end + 2;
            if size > MAX_MESSAGE {
                return Err(FrameError::TooLong);
            }
            let Some(chunk) = self.raw.get(start..start + size + 2) else {
                break;
            };
            self.text.extend_from_slice(&chunk[..size]);
            from = start + size + 2;
        }
        self.raw.drain(..from);
        Ok(())
    }
}

/// The length of the first event with the empty line that ends it.
fn end_of_event(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(end) = memchr::memchr(b'\n', &text[from..]) {
        let line = &text[from..from + end];
        from += end + 1;
        if line.is_empty() || line == b"\r" {
            return Some(from);
        }
    }
    None
}

/// The data of an event: its lines, joined. Empty for comments.
fn data(event: &[u8]) -> Vec<u8> {
    let lines = event
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"data:"))
        .map(|line| line.strip_prefix(b" ").unwrap_or(line))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.collect::<Vec<_>>().join(&b"\n"[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(is_chunked: bool, stream: &[u8], step: usize) -> Result<Vec<String>, FrameError> {
        let mut reader = EventStreamReader::new(is_chunked);
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            reader.feed(piece, |frame| {
                if let ServerFrame::Text(text) = frame {
                    seen.push(String::from_utf8_lossy(text).into_owned());
                }
                Ok::<(), FrameError>(())
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn reads_events_in_any_pieces() {
        let plain = b": hello\n\nid: 1\ndata: one\n\ndata:two\r\ndata: three\r\n\r\nevent: x\n\ndata: cut\n";
        let chunked =
            b"9\r\n: hello\n\n\r\n6;x=y\r\ndata: \r\nb\r\none\n\ndata:t\r\n4\r\nwo\n\n\r\n";
        for step in [1, 5, 1000] {
            let events = read(false, plain, step);
            assert_eq!(events, Ok(vec!["one".to_owned(), "two\nthree".to_owned()]));
            let events = read(true, chunked, step);
            assert_eq!(events, Ok(vec!["one".to_owned(), "two".to_owned()]));
        }
        assert!(read(true, b"no number\r\n", 1000).is_err());
        assert!(read(true, b"fffffff\r\n", 1000).is_err());
    }

    #[test]
    fn reads_the_head_of_the_response() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(response(&head[..20]), Ok(None));
        let length = head.len();
        let is_chunked = true;
        assert_eq!(response(head), Ok(Some(StreamHead { length, is_chunked })));
        let refused = b"HTTP/1.1 401 Unauthorized\r\n\r\n";
        assert_eq!(response(refused), Err(HandshakeError::Status(401)));
    }
}
