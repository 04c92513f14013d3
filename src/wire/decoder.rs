//! From a client's bytes to events.

use std::ops::Range;

use super::header::{Header, PartialHeader};
use super::message::{Admitted, Kind, Message};
use super::opcode::Opcode;
use super::partial::{Completed, Partial};
use super::{Event, Limits, ProtocolError};

/// Decodes the frames of one client ([RFC 6455 §5](https://www.rfc-editor.org/rfc/rfc6455#section-5)).
///
/// A message that is complete in the input is unmasked where it stands and handed out without a copy. Otherwise the
/// arrived part is kept on the heap until the rest is there: at most [`Limits::max_message_bytes`], and only
/// in proportion to what did arrive. An idle decoder is 40 bytes and owns no memory.
///
/// Text is validated as it arrives, so that a bad byte is an error at once, even in the middle of a frame. After an
/// error or a Close nothing more is decoded: further input is consumed and ignored.
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
    /// The frame head that is incomplete; it may be all that has arrived, so it does not cost an allocation.
    header: PartialHeader,
    /// A Close or an error was seen.
    closed: bool,
    partial: Option<Box<Partial>>,
}

/// Where an event's bytes are. Found first and borrowed afterwards, because the search goes on while there is none.
enum Found {
    /// A whole frame in the input.
    Input(Opcode, Range<usize>),
    /// A control frame, assembled.
    Control(Opcode),
    /// A message, assembled.
    Message(Kind),
    TooLarge,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            header: PartialHeader::default(),
            closed: false,
            partial: None,
        }
    }

    /// Decodes at most one event from the front of `input`; answers with the bytes consumed and the event. Payloads
    /// are unmasked in place. `None` means that all input was consumed and more is needed.
    ///
    /// A message that had to be assembled keeps its buffer as long as its event is borrowed. The next call frees it,
    /// also one with empty input, and so does [`release`](Self::release).
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
        if let Some(error) = found.as_ref().and_then(|found| self.refusal(input, found)) {
            self.release();
            return Err(error);
        }
        let event = found.map(|found| self.event(input, found)).transpose()?;
        Ok((used, event))
    }

    /// Frees the buffer of a message that was handed out. To be called before a wait for more input, unless
    /// [`decode`](Self::decode) has answered `None`.
    pub fn release(&mut self) {
        if self
            .partial
            .as_ref()
            .is_some_and(|partial| self.closed || partial.is_spent())
        {
            self.partial = None;
        }
    }

    /// Bytes of message payload held on the heap, at most [`Limits::max_message_bytes`]. Not counted are the less than
    /// 256 bytes of state that stand beside them while a frame is incomplete.
    #[cfg(feature = "internals")]
    pub fn buffered_bytes(&self) -> usize {
        let message = self
            .partial
            .as_ref()
            .and_then(|partial| partial.message.as_ref());
        message.map_or(0, Message::capacity)
    }

    /// What is wrong with a Close frame that was found. Asked before anything is lent out, so that a message which the
    /// frame interrupts can be freed.
    fn refusal(&self, input: &[u8], found: &Found) -> Option<ProtocolError> {
        let payload = match found {
            Found::Input(Opcode::Close, at) => &input[at.clone()],
            Found::Control(Opcode::Close) => self.partial.as_ref()?.control.bytes(),
            _ => return None,
        };
        Event::control(Opcode::Close, payload).err()
    }

    /// Consumes input up to the end of the next event, or all of it.
    fn find(&mut self, input: &mut [u8]) -> Result<(usize, Option<Found>), ProtocolError> {
        let mut used = 0;
        loop {
            if let Some(partial) = self.partial.as_mut().filter(|partial| partial.is_open()) {
                let (taken, completed) = partial.advance(&mut input[used..], &self.limits)?;
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

    /// Finds a control frame whose payload is at `start`, or opens it. It may stand between the frames of a message,
    /// which it leaves alone ([RFC 6455 §5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5)).
    fn begin_control(&mut self, header: &Header, input: &mut [u8], start: usize) -> Option<Found> {
        if let Some(at) = header.payload_in(input, start) {
            header.unmask(&mut input[at.clone()]);
            return Some(Found::Input(header.opcode, at));
        }
        self.partial.get_or_insert_default().open_control(header);
        None
    }

    /// Finds a message whose only frame has its payload at `start`, or opens the frame. A message is one data frame and
    /// then continuations, and messages do not interleave
    /// ([RFC 6455 §5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4)).
    fn begin_data(
        &mut self,
        header: &Header,
        input: &mut [u8],
        start: usize,
    ) -> Result<Option<Found>, ProtocolError> {
        let unfinished = self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.message.is_some());
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
            if kind == Kind::Text && simdutf8::basic::from_utf8(payload).is_err() {
                return Err(ProtocolError::TextNotUtf8);
            }
            return Ok(Some(Found::Input(header.opcode, at)));
        }
        let partial = self.partial.get_or_insert_default();
        let admitted = partial.open_data(header, kind, &self.limits)?;
        Ok((admitted == Admitted::TooLarge).then_some(Found::TooLarge))
    }

    /// Borrows what was found.
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
                    .partial
                    .as_ref()
                    .map_or(&[][..], |partial| partial.control.bytes());
                Event::control(opcode, payload)
            }
            Found::Message(kind) => {
                let message = self
                    .partial
                    .as_mut()
                    .and_then(|partial| partial.message.as_mut());
                let bytes = message.map_or(&mut [][..], Message::bytes_mut);
                Ok(match kind {
                    Kind::Text => Event::Text(bytes),
                    Kind::Binary => Event::Binary(bytes),
                })
            }
            Found::TooLarge => Ok(Event::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests;
