//! Turns the bytes of a connection into frames, with the tester's own reader or with the `tungstenite` crate. The crate is
//! there to cross-check the reader.

use super::event_stream_reader::EventStreamReader;
use super::lean_reader::LeanReader;
use super::server_frame::{FrameError, MAX_MESSAGE, ServerFrame};
use clap::ValueEnum;
use std::io::{self, Read, Write};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// The `--engine` flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReaderEngine {
    /// The tester's own reader, which decodes frames in place.
    #[default]
    Lean,
    /// The tungstenite crate, which copies each message and needs about 4 KiB more per socket.
    Tungstenite,
}

/// Reads the frames of one connection.
pub(crate) enum FrameReader {
    Lean(LeanReader),
    Tungstenite(Box<WebSocketContext>),
    /// Server-sent events instead of WebSocket frames.
    Events(Box<EventStreamReader>),
}

/// How much `tungstenite` reads at a time.
const READ_BYTES: usize = 4096;

impl FrameReader {
    pub(crate) fn new(engine: ReaderEngine) -> Self {
        match engine {
            ReaderEngine::Lean => Self::Lean(LeanReader::default()),
            ReaderEngine::Tungstenite => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BYTES)
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                Self::Tungstenite(Box::new(WebSocketContext::new(Role::Client, Some(config))))
            }
        }
    }

    /// The bytes of an incomplete frame. Put them in front of the next bytes read from the socket.
    pub(crate) fn tail(&self) -> &[u8] {
        match self {
            Self::Lean(reader) => reader.tail(),
            Self::Tungstenite(_) | Self::Events(_) => &[],
        }
    }

    /// Decodes every complete frame in `bytes`, which starts with [`tail`](Self::tail), and keeps the rest.
    ///
    /// # Errors
    /// The first error, of a frame or of `on_frame`. The reader cannot be used after it.
    pub(crate) fn feed<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut on_frame: impl FnMut(ServerFrame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let context = match self {
            Self::Lean(reader) => return reader.feed(bytes, on_frame),
            Self::Events(reader) => return reader.feed(bytes, on_frame),
            Self::Tungstenite(context) => context,
        };
        let mut unread = Unread(bytes);
        loop {
            match context.read(&mut unread) {
                Ok(Message::Text(text)) => on_frame(ServerFrame::Text(text.as_bytes()))?,
                Ok(Message::Binary(bytes)) => on_frame(ServerFrame::Binary(&bytes))?,
                Ok(Message::Ping(payload)) => on_frame(ServerFrame::Ping(&payload))?,
                Ok(Message::Pong(_)) => on_frame(ServerFrame::Pong)?,
                Ok(Message::Close(Some(close))) => {
                    on_frame(ServerFrame::Close(
                        close.code.into(),
                        close.reason.as_bytes(),
                    ))?;
                }
                Ok(Message::Close(None)) => on_frame(ServerFrame::Close(1005, &[]))?,
                Ok(Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(error) => return Err(frame_error(&error).into()),
            }
        }
    }
}

/// The `tungstenite` error as a [`FrameError`], as far as there is one for it.
fn frame_error(error: &Error) -> FrameError {
    match error {
        Error::Protocol(ProtocolError::MaskedFrameFromServer) => FrameError::Masked,
        Error::Protocol(ProtocolError::NonZeroReservedBits) => FrameError::ReservedBit,
        Error::Protocol(
            ProtocolError::InvalidOpcode(opcode)
            | ProtocolError::UnknownControlFrameType(opcode)
            | ProtocolError::UnknownDataFrameType(opcode),
        ) => FrameError::Opcode(*opcode),
        Error::Protocol(
            ProtocolError::FragmentedControlFrame | ProtocolError::ControlFrameTooBig,
        ) => FrameError::Control,
        Error::Protocol(
            ProtocolError::UnexpectedContinueFrame | ProtocolError::ExpectedFragment(_),
        ) => FrameError::Fragment,
        Error::Capacity(CapacityError::MessageTooLong { .. }) => FrameError::TooLong,
        Error::Utf8(_) => FrameError::Utf8,
        _ => FrameError::Refused,
    }
}

/// Hands bytes that have already been read to a library that wants to read for itself. What it writes (pongs) is
/// discarded, because the tester sends its own.
struct Unread<'a>(&'a [u8]);

impl Read for Unread<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(into)
    }
}

impl Write for Unread<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader decodes from `stream`, fed in pieces of `step` bytes.
    fn read(engine: ReaderEngine, stream: &[u8], step: usize) -> Vec<String> {
        let mut reader = FrameReader::new(engine);
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            let bytes = [reader.tail(), piece].concat();
            let fed = reader.feed(&bytes, |frame| {
                seen.push(format!("{frame:?}"));
                let is_close = matches!(frame, ServerFrame::Close(..));
                // The tester stops reading at a Close frame.
                if is_close { Err(None) } else { Ok(()) }
            });
            if let Err(error) = fed {
                seen.extend(error.map(|error: FrameError| error.to_string()));
                break;
            }
        }
        seen
    }

    #[test]
    fn agrees_with_the_library() {
        let mut long = b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70".to_vec();
        long.extend_from_slice(&vec![b'y'; 70_000]);
        let ping = [b"\x89\x7e\x00\x7e".as_slice(), &[0; 126]].concat();
        let streams: [&[u8]; 16] = [
            b"\x81\x05Hello\x89\x02hi\x8a\x00\x81\x00",
            b"\x01\x03Hel\x89\x00\x80\x02lo\x82\x01\xff",
            b"\x88\x05\x03\xf5bye\x81\x05never",
            b"\x88\x00",
            &long,
            b"\x81\x85....Hello",
            b"\xc1\x00",
            b"\x83\x00",
            b"\x8b\x00",
            b"\x09\x00",
            &ping,
            b"\x80\x00",
            b"\x01\x00\x81\x00",
            b"\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00",
            b"\x81\x02\xc3\x28",
            b"\x81\x05cut",
        ];
        for stream in streams {
            for step in [1, 7, stream.len()] {
                assert_eq!(
                    read(ReaderEngine::Lean, stream, step),
                    read(ReaderEngine::Tungstenite, stream, step),
                    "{:?} in pieces of {step}",
                    &stream[..stream.len().min(40)]
                );
            }
        }
    }
}
