//! What a decoder keeps on the heap while a frame or a message is incomplete.

use super::header::Header;
use super::message::{Admitted, Kind, Message};
use super::opcode::Opcode;
use super::{Limits, Mask, ProtocolError};

/// The longest payload of a control frame.
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// The heap side of a decoder; it exists only while something is incomplete.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The fragmented or half-arrived message.
    pub(super) message: Option<Message>,
    /// The frame whose payload comes next, of the message or a control frame inside it.
    frame: Option<OpenFrame>,
    /// A control frame that arrived in pieces.
    pub(super) control: Control,
    /// The message is complete and was handed out: it is freed when the borrow is over.
    handed_out: bool,
}

/// A frame whose head has been read and whose payload has not, or not all of it.
#[derive(Debug)]
pub(super) struct OpenFrame {
    opcode: Opcode,
    fin: bool,
    mask: Mask,
    remaining: u64,
}

/// The payload of a control frame, assembled.
#[derive(Debug)]
pub(super) struct Control {
    bytes: [u8; MAX_CONTROL_BYTES],
    len: u8,
}

/// What the end of a frame completed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completed {
    /// `control` holds a control frame.
    Control(Opcode),
    /// `message` holds a message.
    Message(Kind),
    /// A frame of a message that goes on.
    Fragment,
    /// The last frame of a message that was skipped.
    Skipped,
}

impl Partial {
    /// Starts on the payload of a control frame.
    pub(super) fn open_control(&mut self, header: &Header) {
        self.control.len = 0;
        self.open(header);
    }

    /// Starts on the payload of a data frame: the first of a message if it says its `kind`, else a continuation.
    pub(super) fn open_data(
        &mut self,
        header: &Header,
        kind: Option<Kind>,
        limits: &Limits,
    ) -> Result<Admitted, ProtocolError> {
        if let Some(kind) = kind {
            self.message = Some(Message::new(kind));
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

    /// Whether a frame waits for payload.
    pub(super) fn is_open(&self) -> bool {
        self.frame.is_some()
    }

    /// Takes payload of the open frame from the front of `input`; answers with the bytes consumed and with what they
    /// completed. `None` means that all input was consumed.
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

    /// Whether nothing is incomplete any more.
    pub(super) fn is_spent(&self) -> bool {
        self.frame.is_none() && (self.message.is_none() || self.handed_out)
    }
}

impl Control {
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

impl Default for Control {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_CONTROL_BYTES],
            len: 0,
        }
    }
}
