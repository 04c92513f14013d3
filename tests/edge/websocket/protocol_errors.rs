//! Violations of RFC 6455: the client can read the right close code, and nobody else is
//! affected.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::support::{
    BINARY, CLOSE, CONTINUATION, FINAL_CONTINUATION, LOAD_PATIENCE, PING, TEXT, TEXT_FRAGMENT,
    TestServer, close_frame, config, eventually, frame, frame_head, text_frame, unmasked_frame,
    within,
};

/// Expects that each of `cases` ends its connection with `code`, that the client can read the
/// Close frame, and that another member of its room is told once and stays.
async fn expect_each_to_close(code: u16, cases: &[(&str, Vec<u8>)]) {
    let server = TestServer::start_default().await;
    let mut neighbour = server.connect().await;
    neighbour.join("general", 1).await;
    for (name, bytes) in cases {
        println!("case: {name}");
        let mut client = server.connect().await;
        client.join("general", 2).await;
        // A valid message before the violation is carried out, one after it is not.
        let say = |content| {
            text_frame(&format!(
                r#"{{"type":"message","room":"general","content":"{content}"}}"#
            ))
        };
        client
            .send(&[say("before"), bytes.clone(), say("after")].concat())
            .await;
        let reason = client.expect_close(code).await;
        assert!(!reason.is_empty(), "a reason says what was wrong");
        client.expect_end().await;
        drop(client);
        assert_eq!(neighbour.next_json().await["type"], "user_joined");
        assert_eq!(neighbour.next_json().await["content"], "before");
        assert_eq!(neighbour.next_json().await["type"], "user_left");
        neighbour.expect_silence().await;
    }
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["panics_total"], 0);
    assert_eq!(stats["active_connections"], 1);
}

#[tokio::test]
async fn framing_errors_close_with_1002() {
    let ping = br#"{"type":"ping"}"#;
    let mut long_form = vec![TEXT, 0xfe, 0, 5, 0, 0, 0, 0];
    long_form.extend_from_slice(b"hello");
    let mut longer_form = vec![TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0];
    longer_form.extend_from_slice(b"hello");
    expect_each_to_close(
        1002,
        &[
            ("unmasked text", unmasked_frame(TEXT, ping)),
            ("unmasked ping", unmasked_frame(PING, b"")),
            (
                "RSV1, as compression would set it",
                frame(TEXT | 0x40, ping),
            ),
            ("RSV2", frame(TEXT | 0x20, ping)),
            ("RSV3 on a control frame", frame(PING | 0x10, b"")),
            ("reserved data opcode", frame(0x83, ping)),
            ("reserved data opcode 7", frame(0x87, ping)),
            ("reserved control opcode", frame(0x8b, b"")),
            ("reserved control opcode 15", frame(0x8f, b"")),
            ("fragmented ping", frame(0x09, b"")),
            ("fragmented close", frame(0x08, &1000_u16.to_be_bytes())),
            ("a ping of 126 bytes", frame(PING, &[b'x'; 126])),
            ("a pong of 70000 bytes", frame_head(0x8a, 70_000)),
            ("a continuation of nothing", frame(CONTINUATION, ping)),
            (
                "a final continuation of nothing",
                frame(FINAL_CONTINUATION, ping),
            ),
            (
                "a text inside a fragmented text",
                [frame(TEXT_FRAGMENT, b"{"), frame(TEXT, ping)].concat(),
            ),
            (
                "a binary inside a fragmented text",
                [frame(TEXT_FRAGMENT, b"{"), frame(BINARY, ping)].concat(),
            ),
            ("5 bytes with a 16-bit length", long_form),
            ("5 bytes with a 64-bit length", longer_form),
            (
                "a length with its highest bit set",
                vec![TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            ),
            ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ],
    )
    .await;
}

#[tokio::test]
async fn invalid_close_frames_close_with_1002() {
    let mut cases = vec![
        ("a close of one byte", frame(CLOSE, b"\x03")),
        ("a close of 126 bytes", frame(CLOSE, &[3; 126])),
    ];
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        cases.push(("a code that may not be sent", close_frame(code, "")));
    }
    expect_each_to_close(1002, &cases).await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_closes_with_1007() {
    let split = |first: &[u8], last: &[u8]| {
        [frame(TEXT_FRAGMENT, first), frame(FINAL_CONTINUATION, last)].concat()
    };
    expect_each_to_close(
        1007,
        &[
            (
                "a byte that never occurs",
                frame(TEXT, b"{\"type\":\"\xff\"}"),
            ),
            ("a surrogate", frame(TEXT, b"\"\xed\xa0\x80\"")),
            ("an overlong slash", frame(TEXT, b"\"\xc0\xaf\"")),
            ("past U+10FFFF", frame(TEXT, b"\"\xf4\x90\x80\x80\"")),
            (
                "a character cut off at the end",
                frame(TEXT, b"\"\xf0\x9f\x8d"),
            ),
            (
                "a character cut off at the end of fragments",
                split(b"\"\xf0\x9f", b"\x8d"),
            ),
            (
                "a bad byte in a later fragment",
                split(b"\"\xf0\x9f", b"x\""),
            ),
            // These are refused before the message has ended.
            (
                "a bad byte in a message that goes on",
                frame(TEXT_FRAGMENT, b"\xfe"),
            ),
            (
                "a bad byte in a frame that goes on",
                [frame_head(TEXT, 1000), vec![0x37 ^ 0xfe, 0xfa]].concat(),
            ),
            (
                "a close reason",
                frame(CLOSE, &[&1000_u16.to_be_bytes()[..], b"\xc3\x28"].concat()),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_character_may_be_split_between_fragments() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let text = r#"{"type":"subscribe","channel":"tea 🍵"}"#.as_bytes();
    let middle = text.len() - 4;
    client.send(&frame(TEXT_FRAGMENT, &text[..middle])).await;
    client.send(&frame(PING, b"between")).await;
    client.expect_pong(b"between").await;
    client
        .send(&frame(FINAL_CONTINUATION, &text[middle..]))
        .await;
    client
        .expect_text(r#"{"type":"subscribed","channel":"tea 🍵"}"#)
        .await;
}

#[tokio::test]
async fn a_client_that_keeps_sending_after_an_error_can_read_the_close_code() {
    // If the server did not read and discard this, the kernel would send a reset and the
    // client would lose the Close frame.
    let server = TestServer::start(config(|config| {
        config.connections.close_timeout = LOAD_PATIENCE;
    }))
    .await;
    let far_too_long = frame_head(TEXT, 1024 * 1024 * 1024);
    for (code, violation) in [(1002, unmasked_frame(TEXT, b"oops")), (1009, far_too_long)] {
        let mut client = server.connect().await;
        client.send(&violation).await;
        let frame = frame(TEXT, &vec![b'x'; 1024 * 1024]);
        for _ in 0..16 {
            client.send(&frame).await;
        }
        client.expect_close(code).await;
        client.expect_end().await;
        drop(client);
        eventually("the end of the socket", async || server.links() == 0).await;
    }
}

#[tokio::test]
async fn a_client_that_ends_its_side_after_an_error_can_read_the_close_code() {
    let server = TestServer::start_default().await;
    for _ in 0..50 {
        let mut client = server.connect().await;
        client.send(&unmasked_frame(TEXT, b"oops")).await;
        let ended = within("the end of the sending side", client.stream().shutdown()).await;
        ended.expect("shut down");
        client.expect_close(1002).await;
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_client_that_never_closes_after_an_error_is_disconnected() {
    let server = TestServer::start(config(|config| {
        config.connections.close_timeout = Duration::from_millis(300);
    }))
    .await;
    let mut client = server.connect().await;
    client.send(&[0xff, 0xff]).await;
    client.expect_close(1002).await;
    client.expect_end().await;
    // The client sends nothing and keeps its side open; the server closes its socket all the
    // same.
    eventually("the end of the socket", async || server.links() == 0).await;
    // The server does not read forever either.
    let mut client = server.connect().await;
    client.send(&[0xff, 0xff]).await;
    let garbage = vec![0; 1024 * 1024];
    within("the end of the socket", async {
        while client.stream().write_all(&garbage).await.is_ok() {}
    })
    .await;
    eventually("the end of the connection", async || server.links() == 0).await;
    // It was read to the last byte before the reset, so the client has the Close frame.
    client.expect_close(1002).await;
}
