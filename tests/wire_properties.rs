//! Properties of the WebSocket codec that hold for any input.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use wavecast::wire::{Decoder, Event, Frame, Limits, Mask, ProtocolError};

const LIMITS: Limits = Limits {
    max_message_bytes: 70_000,
    max_fragments: 16,
};

/// An event of the decoder, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    TooLarge,
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_vec()),
            Event::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Event::TooLarge => Self::TooLarge,
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => {
                Self::Close(close.map(|close| (close.code, close.reason.to_owned())))
            }
        }
    }
}

/// Decodes one piece as the read loop of a socket would, and appends the events to `events`.
fn decode(
    decoder: &mut Decoder,
    piece: &[u8],
    events: &mut Vec<Owned>,
) -> Result<(), ProtocolError> {
    let mut piece = piece.to_vec();
    let mut rest = &mut piece[..];
    loop {
        let (used, event) = decoder.decode(rest)?;
        let Some(event) = event else {
            assert_eq!(
                used,
                rest.len(),
                "without an event, everything was consumed"
            );
            return Ok(());
        };
        events.push(event.into());
        rest = &mut rest[used..];
    }
}

/// A message, and how its client fragments it: where each frame ends, and the control frames
/// that follow it.
#[derive(Debug, Clone)]
struct Sent {
    message: Owned,
    cuts: Vec<prop::sample::Index>,
    controls: Vec<Vec<Owned>>,
    key: [u8; 4],
}

fn message() -> impl Strategy<Value = Owned> {
    let size = prop_oneof![6 => 0..20_usize, 3 => 100..300_usize, 1 => 65_500..65_600_usize];
    let bytes = size
        .prop_flat_map(|size| vec(any::<u8>(), size))
        .prop_map(Owned::Binary);
    let text = "\\PC{0,100}".prop_map(|text| Owned::Text(text.into_bytes()));
    prop_oneof![bytes, text]
}

fn control() -> impl Strategy<Value = Owned> {
    let payload = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        payload().prop_map(Owned::Ping),
        payload().prop_map(Owned::Pong)
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = vec(any::<prop::sample::Index>(), 0..4);
    (
        message(),
        cuts,
        vec(vec(control(), 0..2), 4),
        any::<[u8; 4]>(),
    )
        .prop_map(|(message, cuts, controls, key)| Sent {
            message,
            cuts,
            controls,
            key,
        })
}

fn push_frame(out: &mut Vec<u8>, first: u8, key: [u8; 4], payload: &[u8]) {
    out.push(first);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0xfe);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xff);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&key);
    out.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

impl Sent {
    /// Appends the bytes on the wire, and the events to which they decode.
    fn encode(&self, out: &mut Vec<u8>, events: &mut Vec<Owned>) {
        let (opcode, payload) = match &self.message {
            Owned::Text(text) => (1, text),
            Owned::Binary(bytes) => (2, bytes),
            other => unreachable!("{other:?} is not a message"),
        };
        let mut ends: Vec<usize> = self
            .cuts
            .iter()
            .map(|cut| cut.index(payload.len() + 1))
            .collect();
        ends.sort_unstable();
        let mut start = 0;
        for (at, end) in ends.into_iter().enumerate() {
            push_frame(
                out,
                if at == 0 { opcode } else { 0 },
                self.key,
                &payload[start..end],
            );
            start = end;
            for control in &self.controls[at] {
                let (first, payload) = match control {
                    Owned::Ping(payload) => (0x89, payload),
                    Owned::Pong(payload) => (0x8a, payload),
                    other => unreachable!("{other:?} is not a control frame"),
                };
                push_frame(out, first, self.key, payload);
                events.push(control.clone());
            }
        }
        let last = if self.cuts.is_empty() { opcode } else { 0 };
        push_frame(out, 0x80 | last, self.key, &payload[start..]);
        events.push(self.message.clone());
    }
}

/// The pieces between sorted cuts.
fn pieces(length: usize, cuts: &[prop::sample::Index]) -> Vec<Range<usize>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
    ends.push(length);
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.clone());
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn decodes_the_same_events_wherever_the_bytes_are_split(
        sent in vec(sent(), 1..5),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        close in prop::option::of((prop_oneof![Just(1000), 3000..5000_u16], "\\PC{0,30}")),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.encode(&mut bytes, &mut expected);
        }
        let payload = close.as_ref().map_or_else(Vec::new, |(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat());
        push_frame(&mut bytes, 0x88, [1, 2, 3, 4], &payload);
        expected.push(Owned::Close(close));

        let by_pieces = pieces(bytes.len(), &cuts);
        let by_byte = (0..bytes.len()).map(|at| at..at + 1).collect();
        for cuts in [vec![0..bytes.len(); 1], by_pieces, by_byte] {
            let mut decoder = Decoder::new(LIMITS);
            let mut events = Vec::new();
            for piece in cuts {
                prop_assert_eq!(decode(&mut decoder, &bytes[piece], &mut events), Ok(()));
                prop_assert!(decoder.buffered_bytes() <= LIMITS.max_message_bytes);
            }
            prop_assert!(events == expected, "{:?} instead of {:?}", events, expected);
            prop_assert_eq!(decoder.buffered_bytes(), 0);
        }
    }

    #[test]
    fn skips_messages_over_the_limit_and_continues(
        sent in vec(sent(), 1..4),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        max_message_bytes in 0..200_usize,
    ) {
        let limits = Limits { max_message_bytes, max_fragments: 16 };
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for sent in sent.iter().filter(|sent| length(&sent.message) <= 16 * max_message_bytes) {
            sent.encode(&mut bytes, &mut expected);
        }
        let fits = |event: &&Owned| !matches!(event, Owned::TooLarge) && !is_over(event, max_message_bytes);
        let too_large = expected.iter().filter(|event| is_over(event, max_message_bytes)).count();

        let mut decoder = Decoder::new(limits);
        let mut events = Vec::new();
        for piece in pieces(bytes.len(), &cuts) {
            prop_assert_eq!(decode(&mut decoder, &bytes[piece], &mut events), Ok(()));
            prop_assert!(decoder.buffered_bytes() <= max_message_bytes);
        }
        prop_assert_eq!(events.iter().filter(|event| **event == Owned::TooLarge).count(), too_large);
        prop_assert!(events.iter().filter(fits).eq(expected.iter().filter(fits)));
    }

    #[test]
    fn never_panics_or_buffers_past_the_limit(
        starts in vec((any::<[u8; 2]>(), prop::bool::weighted(0.9), vec(any::<u8>(), 0..40)), 1..40),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        max_message_bytes in 0..100_usize,
        max_fragments in 0..5_usize,
    ) {
        // Mostly plausible frame headers, so that the first byte does not end every case.
        let mut bytes = Vec::new();
        for ([first, second], plausible, rest) in starts {
            let first = if plausible { [0x01, 0x81, 0x02, 0x82, 0x00, 0x80, 0x89, 0x8a][usize::from(first & 7)] } else { first };
            bytes.extend_from_slice(&[first, if plausible { 0x80 | second & 0x3f } else { second }]);
            bytes.extend(rest);
        }
        let mut decoder = Decoder::new(Limits { max_message_bytes, max_fragments });
        let mut events = Vec::new();
        for piece in pieces(bytes.len(), &cuts) {
            let ended = decode(&mut decoder, &bytes[piece], &mut events).is_err();
            prop_assert!(decoder.buffered_bytes() <= max_message_bytes);
            prop_assert!(!ended || decoder.buffered_bytes() == 0);
        }
    }

    #[test]
    fn unmasking_matches_the_definition_in_the_rfc(
        payload in vec(any::<u8>(), 0..200),
        key in any::<[u8; 4]>(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        offset in 0..9_usize,
    ) {
        let expected: Vec<u8> = payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
        // At an offset in a larger buffer, because alignment must not matter.
        let mut buffer = [vec![0; offset], payload.clone()].concat();
        let mut mask = Mask::new(key);
        for piece in pieces(payload.len(), &cuts) {
            mask.apply(&mut buffer[offset..][piece]);
        }
        prop_assert_eq!(&buffer[offset..], expected);
        prop_assert!(buffer[..offset].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_masked_server_frame_decodes_to_its_contents(
        length in prop_oneof![0..130_usize, 65_500..65_600_usize, Just(125), Just(126), Just(65_535), Just(65_536)],
        key in any::<[u8; 4]>(),
    ) {
        let payload = vec![b'x'; length];
        let text = String::from_utf8(payload.clone()).unwrap();
        let frames = [
            (Frame::text(text.into()), Owned::Text(payload.clone())),
            (Frame::binary(payload.clone().into()), Owned::Binary(payload.clone())),
            (Frame::pong(&payload), Owned::Pong(payload[..length.min(125)].to_vec())),
            (Frame::ping(), Owned::Ping(vec![])),
            (Frame::close(4001, "bye"), Owned::Close(Some((4001, "bye".to_owned())))),
        ];
        let mut decoder = Decoder::new(LIMITS);
        let mut events = Vec::new();
        for (frame, _) in &frames {
            let mut bytes = frame.header().to_vec();
            bytes[1] |= 0x80;
            bytes.extend_from_slice(&key);
            let start = bytes.len();
            bytes.extend_from_slice(frame.payload());
            prop_assert_eq!(bytes.len(), frame.len() + 4);
            Mask::new(key).apply(&mut bytes[start..]);
            prop_assert_eq!(decode(&mut decoder, &bytes, &mut events), Ok(()));
        }
        prop_assert!(events.iter().eq(frames.iter().map(|(_, event)| event)));
    }
}

fn length(message: &Owned) -> usize {
    match message {
        Owned::Text(bytes) | Owned::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

fn is_over(message: &Owned, max_message_bytes: usize) -> bool {
    length(message) > max_message_bytes
}
