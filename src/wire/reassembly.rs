//! The heap state of a decoder while a frame or message is incomplete.

use super::header::Header;
use super::opcode::Opcode;
use super::partial_message::{Admission, MessageKind, PartialMessage};
use super::{Limits, Mask, ProtocolError};

/// Maximum payload of a control frame, in bytes.
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// Reassembles frames and messages that arrive in pieces. Exists only while something is incomplete.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// The message that is incomplete.
    pub(super) message: Option<PartialMessage>,
    /// The frame whose payload comes next: a frame of the message, or a control frame inside it.
    frame: Option<OpenFrame>,
    /// The payload of a control frame that arrives in pieces.
    pub(super) control: ControlPayload,
    /// Whether the complete message has been handed out, so that it can be freed when the borrow is over.
    handed_out: bool,
}

/// A frame whose header has been read, but not all of its payload.
#[derive(Debug)]
pub(super) struct OpenFrame {
    opcode: Opcode,
    fin: bool,
    mask: Mask,
    remaining: u64,
}

/// The payload of a control frame, received so far.
#[derive(Debug)]
pub(super) struct ControlPayload {
    bytes: [u8; MAX_CONTROL_BYTES],
    len: u8,
}

/// What a completed frame completes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completed {
    /// A control frame, whose payload is in `control`.
    Control(Opcode),
    /// A message, which is in `message`.
    Message(MessageKind),
    /// A frame of a message that continues.
    Fragment,
    /// The last frame of a message that is too large and was skipped.
    Skipped,
}

impl Reassembly {
    /// Opens a control frame, whose payload comes next.
    pub(super) fn open_control(&mut self, header: &Header) {
        self.control.len = 0;
        self.open(header);
    }

    /// Opens a data frame, whose payload comes next. With a `kind`, it is the first frame of a message; without, it is
    /// a continuation.
    pub(super) fn open_data(
        &mut self,
        header: &Header,
        kind: Option<MessageKind>,
        limits: &Limits,
    ) -> Result<Admission, ProtocolError> {
        if let Some(kind) = kind {
            self.message = Some(PartialMessage::new(kind));
        }
        let message = self
            .message
            .as_mut()
            .ok_or(ProtocolError::UnexpectedContinuation)?;
        let admitted = message.admit(header.length, header.fin, limits)?;
        self.open(header);
        Ok(admitted)
    }

    fn open(&mut self, header: &Header) {
        self.frame = Some(OpenFrame {
            opcode: header.opcode,
            fin: header.fin,
            mask: header.mask,
            remaining: header.length,
        });
    }

    /// Whether a frame is open, so that payload comes next.
    pub(super) fn is_open(&self) -> bool {
        self.frame.is_some()
    }

    /// Consumes payload of the open frame from the front of `input`. Returns the number of bytes consumed and what
    /// they completed; `None` means that all input was consumed and more is needed.
    pub(super) fn advance(
        &mut self,
        input: &mut [u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Completed>), ProtocolError> {
        let Some(frame) = &mut self.frame else {
            return Ok((0, None));
        };
        let taken = usize::try_from(frame.remaining)
            .map_or(input.len(), |remaining| remaining.min(input.len()));
        let piece = &mut input[..taken];
        frame.remaining -= taken as u64;
        if frame.opcode.is_control() {
            frame.mask.apply(piece);
            self.control.push(piece);
        } else if let Some(message) = self
            .message
            .as_mut()
            .filter(|message| !message.is_skipped())
        {
            frame.mask.apply(piece);
            message.push(piece, limits)?;
        }
        if frame.remaining > 0 {
            return Ok((taken, None));
        }
        let (opcode, fin) = (frame.opcode, frame.fin);
        self.frame = None;
        Ok((taken, Some(self.complete(opcode, fin)?)))
    }

    fn complete(&mut self, opcode: Opcode, fin: bool) -> Result<Completed, ProtocolError> {
        if opcode.is_control() {
            return Ok(Completed::Control(opcode));
        }
        match &self.message {
            Some(message) if fin && message.is_skipped() => {
                self.message = None;
                Ok(Completed::Skipped)
            }
            Some(message) if fin => {
                let kind = message.finish()?;
                self.handed_out = true;
                Ok(Completed::Message(kind))
            }
            _ => Ok(Completed::Fragment),
        }
    }

    /// Whether nothing is incomplete any more, so that the state can be freed.
    pub(super) fn is_complete(&self) -> bool {
        self.frame.is_none() && (self.message.is_none() || self.handed_out)
    }
}

impl ControlPayload {
    /// Fits: a header that announces more than [`MAX_CONTROL_BYTES`] is refused, and each frame begins
    /// with an empty payload.
    fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.len);
        let end = start + piece.len();
        self.bytes[start..end].copy_from_slice(piece);
        self.len = end as u8;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Default for ControlPayload {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_CONTROL_BYTES],
            len: 0,
        }
    }
}
