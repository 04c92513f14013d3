//! Frames that carry commands: batches, ids, binary, sizes, errors for what is no command.

use serde_json::json;

use crate::support::{
    BINARY, CONTINUATION, Client, FINAL_CONTINUATION, PING, TEXT, TEXT_FRAGMENT, TestServer,
    config, frame, frame_head, text_frame,
};

const TOO_LARGE: &str =
    r#"{"type":"error","code":"message_too_large","message":"Message too large"}"#;

/// A command of exactly `size` bytes.
fn message_of(size: usize) -> String {
    let (head, tail) = (r#"{"type":"message","room":"general","content":""#, "\"}");
    let content = "x".repeat(size - head.len() - tail.len());
    format!("{head}{content}{tail}")
}

async fn two_members(server: &TestServer) -> (Client, Client) {
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    (first, second)
}

#[tokio::test]
async fn test_message_size_limit() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    // Just the limit.
    sender.send_text(&message_of(65_536)).await;
    let message = other.next_json().await;
    assert_eq!(message["content"].as_str().unwrap().len(), 65_536 - 48);
    sender.expect_silence().await;
    // One byte more.
    sender.ask(&message_of(65_537), TOO_LARGE).await;
    sender.expect_silence().await;
    other.expect_silence().await;
    // The connection stays usable.
    sender.say("general", "next").await;
    assert_eq!(other.next_json().await["content"], "next");
}

#[tokio::test]
async fn a_configured_size_limit_counts() {
    let server = TestServer::start(config(|config| config.max_message_size = 200)).await;
    let (mut sender, mut other) = two_members(&server).await;
    sender.send_text(&message_of(200)).await;
    other.next_text().await;
    sender.ask(&message_of(201), TOO_LARGE).await;
    sender.expect_silence().await;
}

#[tokio::test]
async fn a_mebibyte_in_pieces_is_refused_once_and_the_next_message_works() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    // One frame whose payload drips in.
    let bytes = text_frame(&message_of(1024 * 1024));
    let (start, rest) = bytes.split_at(1024 * 1024 - 5);
    for piece in start.chunks(10_007) {
        sender.send(piece).await;
    }
    // The refusal does not wait for the end, and a ping inside is impossible: all is payload.
    sender.expect_text(TOO_LARGE).await;
    let next = text_frame(r#"{"type":"message","room":"general","content":"next"}"#);
    sender.send(&[rest, &next].concat()).await;
    assert_eq!(other.next_json().await["content"], "next");
    sender.expect_silence().await;
    other.expect_silence().await;
}

#[tokio::test]
async fn an_oversize_message_in_fragments_is_refused_once_with_pings_between() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    let piece = [b'x'; 16_384];
    sender.send(&frame(TEXT_FRAGMENT, &piece)).await;
    for _ in 0..10 {
        sender.send(&frame(CONTINUATION, &piece)).await;
    }
    sender.expect_text(TOO_LARGE).await;
    sender.send(&frame(PING, b"inside")).await;
    sender.expect_pong(b"inside").await;
    sender.send(&frame(FINAL_CONTINUATION, &piece)).await;
    sender.expect_silence().await;
    sender.say("general", "next").await;
    assert_eq!(other.next_json().await["content"], "next");
}

#[tokio::test]
async fn a_message_of_sixteen_times_the_limit_is_skipped_and_one_byte_more_is_1009() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    sender.send(&frame(TEXT, &vec![b'x'; 16 * 65_536])).await;
    sender.expect_text(TOO_LARGE).await;
    sender.expect_silence().await;
    // The declared length is enough to know.
    sender.send(&frame_head(TEXT, 16 * 65_536 + 1)).await;
    assert_eq!(sender.expect_close(1009).await, "message is far too large");
    sender.expect_end().await;
    assert_eq!(other.next_json().await["type"], "user_left");
    other.expect_silence().await;
}

#[tokio::test]
async fn endless_fragments_are_1009() {
    let server = TestServer::start_default().await;
    // Empty ones count too: they cost no payload but work.
    let mut empty = server.connect().await;
    let fragments = frame(CONTINUATION, b"").repeat(1024);
    let bytes = [frame(TEXT_FRAGMENT, b""), fragments].concat();
    empty.send_unless_closed(&bytes).await;
    assert_eq!(
        empty.expect_close(1009).await,
        "message has too many fragments"
    );
    empty.expect_end().await;

    // And an endless message, refused on the way, ends at sixteen times the limit.
    let mut endless = server.connect().await;
    endless.send(&frame(TEXT_FRAGMENT, b"x")).await;
    for _ in 0..64 {
        endless
            .send_unless_closed(&frame(CONTINUATION, &[b'x'; 16_384]))
            .await;
    }
    endless.expect_text(TOO_LARGE).await;
    endless.expect_close(1009).await;
}

#[tokio::test]
async fn a_message_may_come_in_as_many_fragments_as_configured() {
    let server = TestServer::start(config(|config| config.max_fragments = 14)).await;
    let mut client = server.connect().await;
    let ping = r#"{"type":"ping"}"#.as_bytes();
    let mut bytes = frame(TEXT_FRAGMENT, &ping[..1]);
    for byte in &ping[1..13] {
        bytes.extend(frame(CONTINUATION, &[*byte]));
    }
    bytes.extend(frame(FINAL_CONTINUATION, &ping[13..]));
    // A byte a write: frames need not arrive whole.
    for byte in bytes {
        client.send(&[byte]).await;
    }
    client.expect_text(r#"{"type":"pong"}"#).await;
}

#[tokio::test]
async fn the_id_of_a_command_is_echoed_in_its_answer() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let exchanges = [
        (
            r#"{"type":"join","room":"a","id":1}"#,
            r#"{"type":"joined","room":"a","members":1,"id":1}"#,
        ),
        (
            r#"{"id":"two","type":"leave","room":"a"}"#,
            r#"{"type":"left","room":"a","id":"two"}"#,
        ),
        (
            r#"{"type":"subscribe","channel":"c","id":-3}"#,
            r#"{"type":"subscribed","channel":"c","id":-3}"#,
        ),
        (
            r#"{"type":"unsubscribe","channel":"c","id":"\"quoted\""}"#,
            r#"{"type":"unsubscribed","channel":"c","id":"\"quoted\""}"#,
        ),
        (
            r#"{"type":"leave","room":"a","id":18446744073709551615}"#,
            r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"a","id":18446744073709551615}"#,
        ),
        (
            r#"{"type":"nonsense","id":"x"}"#,
            r#"{"type":"error","code":"unknown_type","message":"Unknown message type","id":"x"}"#,
        ),
    ];
    for (command, answer) in exchanges {
        client.ask(command, answer).await;
    }
    for id in [
        "null",
        "1.5",
        "true",
        "{}",
        "[]",
        &format!("{:?}", "x".repeat(127)),
    ] {
        client
            .ask(
                &format!(r#"{{"type":"ping","id":{id}}}"#),
                r#"{"type":"error","code":"invalid_id","message":"Invalid id"}"#,
            )
            .await;
    }
}

#[tokio::test]
async fn a_bad_command_of_a_batch_costs_the_others_nothing() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .send_text(
            r#"[{"type":"join","room":"a"},{"type":"dance"},7,{"type":"subscribe","channel":"c"},{"type":"ping","id":9}]"#,
        )
        .await;
    client
        .expect_text(r#"{"type":"joined","room":"a","members":1}"#)
        .await;
    client
        .expect_text(r#"{"type":"error","code":"unknown_type","message":"Unknown message type"}"#)
        .await;
    client
        .expect_text(r#"{"type":"error","code":"invalid_command","message":"Invalid command"}"#)
        .await;
    client
        .expect_text(r#"{"type":"subscribed","channel":"c"}"#)
        .await;
    client.expect_text(r#"{"type":"pong","id":9}"#).await;
    client.expect_silence().await;
    // An empty batch asks for nothing; one of more than a thousand is refused whole.
    client.send_text("[]").await;
    client.expect_silence().await;
    let thousand = json!(vec![json!({"type": "ping"}); 1000]).to_string();
    client.send_text(&thousand).await;
    for _ in 0..1000 {
        client.expect_text(r#"{"type":"pong"}"#).await;
    }
    let more = json!(vec![json!({"type": "ping"}); 1001]).to_string();
    client
        .ask(
            &more,
            r#"{"type":"error","code":"invalid_command","message":"Invalid command"}"#,
        )
        .await;
    client.expect_silence().await;
}

#[tokio::test]
async fn a_binary_frame_is_read_as_the_same_json() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .send(&frame(BINARY, br#"{"type":"join","room":"a"}"#))
        .await;
    client
        .expect_text(r#"{"type":"joined","room":"a","members":1}"#)
        .await;
    // Bytes that are no UTF-8 are no protocol error here, only no JSON.
    let invalid = r#"{"type":"error","code":"invalid_json","message":"Invalid JSON"}"#;
    client
        .send(&frame(BINARY, b"{\"type\":\"join\",\"room\":\"\xff\"}"))
        .await;
    client.expect_text(invalid).await;
    client.send(&frame(BINARY, b"")).await;
    client.expect_text(invalid).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn what_is_no_command_gets_an_error_and_the_connection_stays() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let deep = "[".repeat(10_000);
    let cases = [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("{\"type\":\"ping\"}x", "invalid_json"),
        (&deep, "invalid_json"),
        ("{'type':'ping'}", "invalid_json"),
        ("7", "invalid_command"),
        ("null", "invalid_command"),
        ("\"ping\"", "invalid_command"),
        ("{}", "missing_field"),
        (r#"{"type":null}"#, "missing_field"),
        (r#"{"type":"join"}"#, "missing_field"),
        (r#"{"type":"join","room":5}"#, "missing_field"),
        (r#"{"type":"message","room":"a"}"#, "missing_field"),
        (r#"{"type":"subscribe"}"#, "missing_field"),
        (r#"{"type":"PING"}"#, "unknown_type"),
        (r#"{"type":"joined","room":"a"}"#, "unknown_type"),
    ];
    for (text, code) in cases {
        client.send_text(text).await;
        let answer = client.next_json().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{text:?}"
        );
        client.expect_silence().await;
    }
    client
        .ask(
            r#"{"type":"message","room":"a","id":1}"#,
            r#"{"type":"error","code":"missing_field","message":"Missing field","field":"content","id":1}"#,
        )
        .await;
}
