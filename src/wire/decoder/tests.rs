use super::super::{CloseFrame, Mask};
use super::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const LIMITS: Limits = Limits {
    max_message_bytes: 300,
    max_fragments: 4,
};

/// A client's frame with the given first byte, the shortest form of length and a masked payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len());
    let at = bytes.len();
    bytes.extend_from_slice(payload);
    Mask::new(KEY).apply(&mut bytes[at..]);
    bytes
}

fn header(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0xff);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&KEY);
    bytes
}

/// Feeds all of `input` to the decoder. Returns the events as text, and the error that ended decoding, if any.
fn feed(decoder: &mut Decoder, input: &[u8]) -> (Vec<String>, Option<ProtocolError>) {
    let mut input = input.to_vec();
    let mut rest = &mut input[..];
    let mut events = Vec::new();
    loop {
        let (used, event) = match decoder.decode(rest) {
            Ok(found) => found,
            Err(error) => return (events, Some(error)),
        };
        let Some(event) = event else {
            assert_eq!(used, rest.len(), "None means that all was consumed");
            return (events, None);
        };
        events.push(name(&event));
        rest = &mut rest[used..];
    }
}

fn name(event: &Event<'_>) -> String {
    match event {
        Event::Text(text) => format!("text {}", text.escape_ascii()),
        Event::Binary(bytes) => format!("binary {}", bytes.escape_ascii()),
        Event::TooLarge => "too large".to_owned(),
        Event::Ping(payload) => format!("ping {}", payload.escape_ascii()),
        Event::Pong(payload) => format!("pong {}", payload.escape_ascii()),
        Event::Close(None) => "close".to_owned(),
        Event::Close(Some(CloseFrame { code, reason })) => format!("close {code} {reason}"),
    }
}

/// Decodes in one piece and again byte by byte; both must give the same result.
fn decode(frames: &[Vec<u8>]) -> (Vec<String>, Option<ProtocolError>) {
    let bytes = frames.concat();
    let whole = feed(&mut Decoder::new(LIMITS), &bytes);
    let mut decoder = Decoder::new(LIMITS);
    let mut events = Vec::new();
    let mut error = None;
    for byte in bytes {
        let (more, ended) = feed(&mut decoder, &[byte]);
        events.extend(more);
        error = error.or(ended);
    }
    assert_eq!(whole, (events, error));
    whole
}

#[track_caller]
fn expect(frames: &[Vec<u8>], events: &[&str]) {
    let (decoded, error) = decode(frames);
    assert_eq!(decoded, events);
    assert_eq!(error, None);
}

#[track_caller]
fn reject(frames: &[Vec<u8>], expected: ProtocolError, code: u16) {
    let (_, error) = decode(frames);
    assert_eq!(error, Some(expected));
    assert_eq!(expected.close_code(), code);
    assert!(expected.to_string().len() <= 123);
}

#[test]
fn decodes_the_examples_of_the_rfc() {
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    expect(
        &[hello.to_vec(), pong.to_vec()],
        &["text Hello", "pong Hello"],
    );
    expect(&[frame(0x01, b"Hel"), frame(0x80, b"lo")], &["text Hello"]);
}

#[test]
fn decodes_empty_frames() {
    expect(
        &[
            frame(0x81, b""),
            frame(0x82, b""),
            frame(0x89, b""),
            frame(0x8a, b""),
        ],
        &["text ", "binary ", "ping ", "pong "],
    );
    expect(
        &[frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")],
        &["text "],
    );
    expect(&[frame(0x88, b"")], &["close"]);
}

#[test]
fn hands_out_control_frames_inside_a_message() {
    expect(
        &[
            frame(0x02, b"a"),
            frame(0x89, b"1"),
            frame(0x00, b"b"),
            frame(0x8a, b"2"),
            frame(0x80, b"c"),
            frame(0x82, b"d"),
        ],
        &["ping 1", "pong 2", "binary abc", "binary d"],
    );
}

#[test]
fn joins_characters_split_between_frames() {
    expect(
        &[
            frame(0x01, b"\xce"),
            frame(0x00, b"\xba\xf0\x9f"),
            frame(0x80, b"\x98\x80"),
        ],
        &["text \\xce\\xba\\xf0\\x9f\\x98\\x80"],
    );
}

#[test]
fn decodes_nothing_after_a_close() {
    expect(
        &[
            frame(0x88, b"\x03\xe8bye"),
            frame(0x81, b"late"),
            vec![0xff; 20],
        ],
        &["close 1000 bye"],
    );
    expect(
        &[frame(0x01, b"half"), frame(0x88, b"\x0f\xa0")],
        &["close 4000 "],
    );
}

#[test]
fn decodes_nothing_after_an_error() {
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(feed(&mut decoder, &frame(0x01, b"kept")).1, None);
    assert_eq!(
        feed(&mut decoder, b"\x70").1,
        Some(ProtocolError::ReservedBit)
    );
    assert_eq!(feed(&mut decoder, &frame(0x81, b"late")), (vec![], None));
    assert_eq!(decoder.buffered_bytes(), 0);
}

#[test]
fn rejects_every_violation_with_its_close_code() {
    use ProtocolError as E;

    let open = || frame(0x01, b"open");
    reject(&[b"\x81\x05Hello".to_vec()], E::Unmasked, 1002);
    reject(&[frame(0xc1, b"")], E::ReservedBit, 1002);
    reject(&[frame(0xa1, b"")], E::ReservedBit, 1002);
    reject(&[frame(0x91, b"")], E::ReservedBit, 1002);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        reject(
            &[frame(0x80 | opcode, b"")],
            E::ReservedOpcode(opcode),
            1002,
        );
        reject(
            &[open(), frame(0x80 | opcode, b"")],
            E::ReservedOpcode(opcode),
            1002,
        );
    }
    for opcode in [0x08, 0x09, 0x0a] {
        reject(&[frame(opcode, b"")], E::FragmentedControl, 1002);
        reject(&[frame(0x80 | opcode, &[0; 126])], E::ControlTooLong, 1002);
    }
    reject(&[b"\x81\xfe\x00\x05".to_vec()], E::LengthNotMinimal, 1002);
    reject(
        &[b"\x81\xff\0\0\0\0\0\0\0\x05".to_vec()],
        E::LengthNotMinimal,
        1002,
    );
    reject(
        &[vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]],
        E::LengthOverflow,
        1002,
    );
    reject(&[frame(0x80, b"x")], E::UnexpectedContinuation, 1002);
    reject(&[frame(0x00, b"")], E::UnexpectedContinuation, 1002);
    reject(
        &[frame(0x81, b"x"), frame(0x80, b"x")],
        E::UnexpectedContinuation,
        1002,
    );
    reject(
        &[open(), frame(0x80, b"x"), frame(0x80, b"x")],
        E::UnexpectedContinuation,
        1002,
    );
    reject(&[open(), frame(0x81, b"x")], E::UnfinishedMessage, 1002);
    reject(&[open(), frame(0x02, b"x")], E::UnfinishedMessage, 1002);
    reject(&[frame(0x88, b"\x03")], E::CloseTooShort, 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        reject(
            &[frame(0x88, &code.to_be_bytes())],
            E::CloseCode(code),
            1002,
        );
    }
    reject(&[frame(0x88, b"\x03\xe8\xff")], E::CloseReasonNotUtf8, 1007);
    reject(&[frame(0x81, b"\xff")], E::TextNotUtf8, 1007);
    reject(&[frame(0x81, b"\xed\xa0\x80")], E::TextNotUtf8, 1007);
    reject(&[frame(0x81, b"\xce")], E::TextNotUtf8, 1007);
    reject(&[open(), frame(0x80, b"\xce")], E::TextNotUtf8, 1007);
    reject(&[open(), frame(0x00, b"\xff")], E::TextNotUtf8, 1007);
    reject(&[header(0x82, 16 * 300 + 1)], E::MessageTooLong, 1009);
    reject(
        &[vec![
            0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
        ]],
        E::MessageTooLong,
        1009,
    );
    reject(
        &[frame(0x02, &[0; 2401]), frame(0x00, &[0; 2400])],
        E::MessageTooLong,
        1009,
    );
    reject(
        &[
            open(),
            frame(0, b""),
            frame(0, b""),
            frame(0, b""),
            frame(0x80, b""),
        ],
        E::TooManyFragments,
        1009,
    );
}

#[test]
fn rejects_an_invalid_byte_in_the_middle_of_a_frame() {
    let mut decoder = Decoder::new(LIMITS);
    let bytes = frame(
        0x81,
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80rest",
    );
    let bad = 6 + 12;
    assert_eq!(feed(&mut decoder, &bytes[..bad]), (vec![], None));
    assert_eq!(
        feed(&mut decoder, &bytes[bad..=bad]).1,
        Some(ProtocolError::TextNotUtf8)
    );
}

#[test]
fn skips_a_message_whose_declared_length_is_too_large() {
    let mut decoder = Decoder::new(LIMITS);
    // It is reported by the header alone, before any payload arrives.
    assert_eq!(
        feed(&mut decoder, &header(0x81, 301)),
        (vec!["too large".to_owned()], None)
    );
    for _ in 0..301 {
        assert_eq!(feed(&mut decoder, b"\xff"), (vec![], None));
        assert_eq!(decoder.buffered_bytes(), 0);
    }
    assert!(decoder.reassembly.is_none());
    assert_eq!(feed(&mut decoder, &frame(0x81, b"next")).0, ["text next"]);
}

#[test]
fn skips_a_message_that_grows_too_large() {
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(
        feed(&mut decoder, &frame(0x01, &[b'a'; 200])),
        (vec![], None)
    );
    assert!(decoder.buffered_bytes() >= 200);
    assert_eq!(feed(&mut decoder, &header(0x00, 101)).0, ["too large"]);
    assert_eq!(decoder.buffered_bytes(), 0);
    assert_eq!(feed(&mut decoder, &[0; 101]), (vec![], None));
    let rest = [
        frame(0x89, b"?"),
        frame(0x80, &[0; 1000]),
        frame(0x82, b"next"),
    ]
    .concat();
    assert_eq!(
        feed(&mut decoder, &rest),
        (vec!["ping ?".to_owned(), "binary next".to_owned()], None)
    );
}

#[test]
fn accepts_a_message_of_exactly_the_limit() {
    let text = "x".repeat(300);
    expect(&[frame(0x81, text.as_bytes())], &[&format!("text {text}")]);
    expect(
        &[frame(0x01, &[b'x'; 299]), frame(0x80, b"x")],
        &[&format!("text {text}")],
    );
}

#[test]
fn allocates_nothing_for_bytes_that_are_only_declared() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(feed(&mut decoder, &header(0x82, 65_536)), (vec![], None));
    assert_eq!(decoder.buffered_bytes(), 0);
    assert_eq!(feed(&mut decoder, b"x"), (vec![], None));
    assert!(decoder.buffered_bytes() <= 64);
}

#[test]
fn is_small_and_empty_when_idle() {
    assert!(size_of::<Decoder>() <= 48);
    assert!(size_of::<Reassembly>() <= 256);

    let mut decoder = Decoder::new(LIMITS);
    feed(&mut decoder, &frame(0x81, b"whole")[..6]);
    assert!(decoder.reassembly.is_some());
    feed(&mut decoder, &frame(0x81, b"whole")[6..]);
    assert!(decoder.reassembly.is_none());

    // Part of a header is kept inline.
    feed(&mut decoder, b"\x81\xfe\x01");
    assert!(decoder.reassembly.is_none());
}

#[test]
fn frees_a_message_that_was_handed_out() {
    let mut decoder = Decoder::new(LIMITS);
    feed(&mut decoder, &frame(0x01, b"Hel"));
    let mut last = frame(0x80, b"lo");
    let (_, event) = decoder.decode(&mut last).unwrap();
    assert_eq!(event, Some(Event::Text(&mut b"Hello".to_owned())));
    decoder.release();
    assert!(decoder.reassembly.is_none());

    // An incomplete message stays.
    feed(&mut decoder, &frame(0x01, b"Hel"));
    decoder.release();
    assert_eq!(feed(&mut decoder, &frame(0x80, b"lo")).0, ["text Hello"]);
}

#[test]
fn frees_the_message_that_an_invalid_close_frame_interrupts() {
    let mut decoder = Decoder::new(LIMITS);
    let frames = [frame(0x02, b"abc"), frame(0x88, b"x")].concat();
    let (_, error) = feed(&mut decoder, &frames);
    assert_eq!(error, Some(ProtocolError::CloseTooShort));
    assert!(decoder.reassembly.is_none());
}
