//! Tests of [`server_message`](super::server_message) and [`stamp`].

use super::server_message::{Position, ServerMessage, messages};
use super::stamp::{self, Stamp};

const STAMP: Stamp = Stamp {
    run: 7,
    publisher: 1,
    channel: 3,
    seq: 42,
    intended_ns: 1000,
    sent_ns: 1001,
    offset: 0,
};

fn all(text: &str) -> Vec<ServerMessage<'_>> {
    let mut found = Vec::new();
    messages(text.as_bytes(), |message| found.push(message));
    found
}

#[test]
fn finds_the_stamp_in_any_order_of_keys() {
    let plain = r#"{"type":"event","channel":"lt.3","data":{"id":"evt_1","timestamp":"2024-01-15T10:30:00Z","run":7,"pub":1,"chan":3,"seq":42,"intended_ns":1000,"sent_ns":1001,"pad":"xx"}}"#;
    let turned = r#" { "data" : {"pad":"}\"seq\":9{","sent_ns":1001, "intended_ns" : 1000,"nested":{"seq":5},"seq":42,"chan":3,"pub":1,"run":7,"id":"evt_1"} , "channel":"lt.3", "type":"event" } "#;
    for text in [plain, turned] {
        assert_eq!(
            all(text),
            [ServerMessage::Event(b"lt.3", Some(STAMP))],
            "in {text}"
        );
    }
}

#[test]
fn tells_the_kinds_of_message_apart() {
    assert_eq!(
        all(r#"{"type":"subscribed","channel":"a"}"#),
        [ServerMessage::Subscribed(b"a", Position::default())]
    );
    assert_eq!(
        all(r#"{"type":"joined","room":"r","members":5}"#),
        [ServerMessage::Subscribed(b"r", Position::default())]
    );
    assert_eq!(
        all(
            r#"[{"type":"message","room":"r","from":"x","content":"Hello!"},{"type":"user_joined","room":"r","user_id":"y"}]"#
        ),
        [
            ServerMessage::RoomMessage(b"r", None),
            ServerMessage::UserJoined
        ]
    );
    assert_eq!(
        all(r#"{"type":"error","code":"forbidden","message":"no"}"#),
        [ServerMessage::Error(b"forbidden")]
    );
    assert_eq!(
        all(r#"[{"type":"pong"}, {"type":"subscribed","channel":"b"}]"#),
        [
            ServerMessage::Other,
            ServerMessage::Subscribed(b"b", Position::default())
        ]
    );
    for data in [r#"{"seq":1}"#, "{}", "7", "null", r#""text""#, "[1,2]"] {
        let text = format!(r#"{{"type":"event","data":{data},"channel":"a"}}"#);
        assert_eq!(all(&text), [ServerMessage::Event(b"a", None)], "{data}");
    }
    assert_eq!(
        all(r#"{"type":"event","channel":"a","data":{"seq":1}}"#),
        [ServerMessage::Event(b"a", None)]
    );
}

#[test]
fn reads_positions() {
    let text = r#"{"type":"subscribed","channel":"a","offset":45,"epoch":"b7","recovered":false,"reason":"epoch_changed","replayed":0}"#;
    let position = Position {
        offset: Some(45),
        epoch: b"b7",
        recovered: Some(false),
        replayed: Some(0),
    };
    assert_eq!(all(text), [ServerMessage::Subscribed(b"a", position)]);
    let text = r#"{"type":"event","channel":"a","data":{"run":7,"pub":1,"chan":3,"seq":42,"intended_ns":1000,"sent_ns":1001},"offset":9}"#;
    let stamp = Stamp { offset: 9, ..STAMP };
    assert_eq!(all(text), [ServerMessage::Event(b"a", Some(stamp))]);
}

#[test]
fn reads_gaps() {
    assert_eq!(
        all(
            r#"[{"type":"gap","channel":"a","missed":15,"from":43,"to":57},{"type":"gap","channel":"a","missed":2},{"type":"gap","channel":"a"}]"#
        ),
        [
            ServerMessage::Gap(b"a", 15, Some(57)),
            ServerMessage::Gap(b"a", 2, None),
            ServerMessage::Malformed
        ]
    );
}

#[test]
fn survives_anything() {
    let text = r#"[{"type":"event","channel":"a\"","data":{"seq":[1,{"x":"\\"}],"run":-1}}]"#;
    for end in 0..text.len() {
        let cut = all(&text[..end]);
        assert!(cut.contains(&ServerMessage::Malformed), "{end}: {cut:?}");
    }
    for text in [
        "", "x", "\"", "{", "[]", "{}", "{:}", "{\"a\"}", "]", "}{", "1,2", "\\",
    ] {
        assert!(all(text).contains(&ServerMessage::Malformed), "{text}");
    }
}

#[test]
fn pads_a_payload_to_its_size_and_parses_it_back() {
    let mut data = Vec::new();
    stamp::append(&mut data, &STAMP, 256);
    assert_eq!(data.len(), 256);
    let event = [
        br#"{"type":"event","channel":"c","data":"#.as_slice(),
        &data,
        b"}",
    ]
    .concat();
    let mut found = None;
    messages(&event, |message| found = Some(message));
    assert_eq!(found, Some(ServerMessage::Event(b"c", Some(STAMP))));
}
