//! Decodes a client's bytes into events.

use std::ops::Range;

use super::header::{Header, PartialHeader};
use super::opcode::Opcode;
use super::partial_message::{Admission, MessageKind, PartialMessage};
use super::reassembly::{Completed, Reassembly};
use super::{Event, Limits, ProtocolError};

/// Decodes the frames of one client ([RFC 6455 §5](https://www.rfc-editor.org/rfc/rfc6455#section-5)).
///
/// A message that is complete in the input is unmasked in place and handed out without a copy. Otherwise the part
/// received so far is kept on the heap until the rest arrives. This takes at most [`Limits::max_message_bytes`], and
/// grows only with the bytes received. An idle decoder is 40 bytes and owns no heap memory.
///
/// Text is validated as it arrives, so an invalid byte is an error at once, even in the middle of a frame. After an
/// error or a Close frame nothing more is decoded: further input is consumed and ignored.
///
/// ```
/// use wavecast::wire::{Decoder, Event, Limits, ProtocolError};
///
/// fn read(decoder: &mut Decoder, mut input: &mut [u8]) -> Result<(), ProtocolError> {
///     loop {
///         let (used, event) = decoder.decode(input)?;
///         match event {
///             Some(Event::Text(text)) => assert_eq!(text, b"Hello"),
///             Some(_) => {}
///             None => return Ok(()),
///         }
///         input = &mut input[used..];
///     }
/// }
///
/// let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// read(&mut Decoder::new(Limits::default()), &mut input).unwrap();
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// A frame header that is incomplete. Stored inline, so that part of a header costs no allocation.
    header: PartialHeader,
    /// Whether a Close frame or an error has been seen.
    closed: bool,
    reassembly: Option<Box<Reassembly>>,
}

/// Where an event's bytes are. They are located first and borrowed afterwards, because the decoder cannot continue
/// while an event borrows from it.
enum Found {
    /// A complete frame in the input.
    Input(Opcode, Range<usize>),
    /// A reassembled control frame.
    Control(Opcode),
    /// A reassembled message.
    Message(MessageKind),
    TooLarge,
}

impl Decoder {
    /// A decoder for a new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            header: PartialHeader::default(),
            closed: false,
            reassembly: None,
        }
    }

    /// Replaces the limits. They hold for the frames that begin from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Decodes at most one event from the front of `input`. Returns the number of bytes consumed and the event; `None`
    /// means that all input was consumed and more is needed. Payloads are unmasked in place.
    ///
    /// A message that had to be reassembled keeps its buffer while its event is borrowed. The next call frees it, even
    /// with empty input, and so does [`release`](Self::release).
    ///
    /// Errors: close the connection with [`ProtocolError::close_code`].
    pub fn decode<'a>(
        &'a mut self,
        input: &'a mut [u8],
    ) -> Result<(usize, Option<Event<'a>>), ProtocolError> {
        self.release();
        if self.closed {
            return Ok((input.len(), None));
        }
        let (used, found) = self.find(input).inspect_err(|_| {
            self.closed = true;
            self.release();
        })?;
        self.closed = matches!(
            found,
            Some(Found::Input(Opcode::Close, _) | Found::Control(Opcode::Close))
        );
        if let Some(error) = found
            .as_ref()
            .and_then(|found| self.close_error(input, found))
        {
            self.release();
            return Err(error);
        }
        let event = found.map(|found| self.event(input, found)).transpose()?;
        Ok((used, event))
    }

    /// Frees the buffer of a message that has been handed out. Call it before waiting for more input, unless
    /// [`decode`](Self::decode) has just returned `None`.
    pub fn release(&mut self) {
        if self
            .reassembly
            .as_ref()
            .is_some_and(|reassembly| self.closed || reassembly.is_complete())
        {
            self.reassembly = None;
        }
    }

    /// The heap memory in use, in bytes: 0 unless a frame or message is incomplete.
    pub fn held_bytes(&self) -> usize {
        self.reassembly.as_ref().map_or(0, |reassembly| {
            let message = reassembly.message.as_ref();
            size_of::<Reassembly>() + message.map_or(0, PartialMessage::capacity)
        })
    }

    /// Frees all heap memory. Nothing more is decoded, as after an error.
    pub fn stop(&mut self) {
        self.closed = true;
        self.release();
    }

    /// The heap memory used for message payload, in bytes; at most [`Limits::max_message_bytes`]. Up to 256 bytes of
    /// other state, allocated while a frame or message is incomplete, are not counted.
    #[cfg(feature = "internals")]
    pub fn buffered_bytes(&self) -> usize {
        let message = self
            .reassembly
            .as_ref()
            .and_then(|reassembly| reassembly.message.as_ref());
        message.map_or(0, PartialMessage::capacity)
    }

    /// The error in a Close frame that was found, if any. Checked before anything is borrowed, so that a message which
    /// the frame interrupts can be freed.
    fn close_error(&self, input: &[u8], found: &Found) -> Option<ProtocolError> {
        let payload = match found {
            Found::Input(Opcode::Close, at) => &input[at.clone()],
            Found::Control(Opcode::Close) => self.reassembly.as_ref()?.control.bytes(),
            _ => return None,
        };
        Event::control(Opcode::Close, payload).err()
    }

    /// Consumes input up to the end of the next event, or all of it.
    fn find(&mut self, input: &mut [u8]) -> Result<(usize, Option<Found>), ProtocolError> {
        let mut used = 0;
        loop {
            if let Some(reassembly) = self
                .reassembly
                .as_mut()
                .filter(|reassembly| reassembly.is_open())
            {
                let (taken, completed) = reassembly.advance(&mut input[used..], &self.limits)?;
                used += taken;
                match completed {
                    Some(Completed::Control(opcode)) => {
                        return Ok((used, Some(Found::Control(opcode))));
                    }
                    Some(Completed::Message(kind)) => {
                        return Ok((used, Some(Found::Message(kind))));
                    }
                    Some(Completed::Skipped) => self.release(),
                    Some(Completed::Fragment) => {}
                    None => return Ok((used, None)),
                }
            }
            let (taken, header) = self.header.advance(&input[used..])?;
            used += taken;
            let Some(header) = header else {
                return Ok((used, None));
            };
            let found = if header.opcode.is_control() {
                self.begin_control(&header, input, used)
            } else {
                self.begin_data(&header, input, used)?
            };
            if let Some(found) = found {
                let end = if let Found::Input(_, at) = &found {
                    at.end
                } else {
                    used
                };
                return Ok((end, Some(found)));
            }
        }
    }

    /// Starts a control frame whose payload begins at `start`, and returns it if it is complete in the input. It may be
    /// sent between the frames of a message and does not affect that message
    /// ([RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5)).
    fn begin_control(&mut self, header: &Header, input: &mut [u8], start: usize) -> Option<Found> {
        if let Some(at) = header.payload_in(input, start) {
            header.unmask(&mut input[at.clone()]);
            return Some(Found::Input(header.opcode, at));
        }
        self.reassembly.get_or_insert_default().open_control(header);
        None
    }

    /// Starts a data frame whose payload begins at `start`, and returns the message if this is its only frame and
    /// complete in the input. A message is one text or binary frame followed by continuation frames, and messages are
    /// not interleaved ([RFC 6455 §5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4)).
    fn begin_data(
        &mut self,
        header: &Header,
        input: &mut [u8],
        start: usize,
    ) -> Result<Option<Found>, ProtocolError> {
        let unfinished = self
            .reassembly
            .as_ref()
            .is_some_and(|reassembly| reassembly.message.is_some());
        let kind = header.opcode.message_kind();
        if kind.is_some() && unfinished {
            return Err(ProtocolError::UnfinishedMessage);
        }
        if let Some(kind) = kind
            && header.fin
            && header.length <= self.limits.max_message_bytes as u64
            && let Some(at) = header.payload_in(input, start)
        {
            let payload = &mut input[at.clone()];
            header.unmask(payload);
            if kind == MessageKind::Text && simdutf8::basic::from_utf8(payload).is_err() {
                return Err(ProtocolError::TextNotUtf8);
            }
            return Ok(Some(Found::Input(header.opcode, at)));
        }
        let reassembly = self.reassembly.get_or_insert_default();
        let admitted = reassembly.open_data(header, kind, &self.limits)?;
        Ok((admitted == Admission::TooLarge).then_some(Found::TooLarge))
    }

    /// Builds the event that borrows the bytes found.
    fn event<'a>(
        &'a mut self,
        input: &'a mut [u8],
        found: Found,
    ) -> Result<Event<'a>, ProtocolError> {
        match found {
            Found::Input(Opcode::Text, at) => Ok(Event::Text(&mut input[at])),
            Found::Input(Opcode::Binary, at) => Ok(Event::Binary(&mut input[at])),
            Found::Input(opcode, at) => Event::control(opcode, &input[at]),
            Found::Control(opcode) => {
                let payload = self
                    .reassembly
                    .as_ref()
                    .map_or(&[][..], |reassembly| reassembly.control.bytes());
                Event::control(opcode, payload)
            }
            Found::Message(kind) => {
                let message = self
                    .reassembly
                    .as_mut()
                    .and_then(|reassembly| reassembly.message.as_mut());
                let bytes = message.map_or(&mut [][..], PartialMessage::bytes_mut);
                Ok(match kind {
                    MessageKind::Text => Event::Text(bytes),
                    MessageKind::Binary => Event::Binary(bytes),
                })
            }
            Found::TooLarge => Ok(Event::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests;
