//! Limits of a message: its size and its fragments.

use crate::support::{
    CONTINUATION, Client, FINAL_CONTINUATION, PING, TEXT, TEXT_FRAGMENT, TestServer, config, frame,
    frame_head, text_frame,
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
    // Exactly the limit.
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
async fn the_size_limit_is_configurable() {
    let server = TestServer::start(config(|config| config.max_message_size = 200)).await;
    let (mut sender, mut other) = two_members(&server).await;
    sender.send_text(&message_of(200)).await;
    other.next_text().await;
    sender.ask(&message_of(201), TOO_LARGE).await;
    sender.expect_silence().await;
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_refused_once_and_the_next_message_works() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    // One frame whose payload arrives in pieces.
    let bytes = text_frame(&message_of(1024 * 1024));
    let (start, rest) = bytes.split_at(1024 * 1024 - 5);
    for piece in start.chunks(10_007) {
        sender.send(piece).await;
    }
    // The refusal does not wait for the end of the frame.
    sender.expect_text(TOO_LARGE).await;
    let next = text_frame(r#"{"type":"message","room":"general","content":"next"}"#);
    sender.send(&[rest, &next].concat()).await;
    assert_eq!(other.next_json().await["content"], "next");
    sender.expect_silence().await;
    other.expect_silence().await;
}

#[tokio::test]
async fn a_fragmented_message_over_the_limit_is_refused_once_and_pings_in_between_are_answered() {
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
async fn a_message_of_16_times_the_limit_is_skipped_and_one_more_byte_closes_with_1009() {
    let server = TestServer::start_default().await;
    let (mut sender, mut other) = two_members(&server).await;
    sender.send(&frame(TEXT, &vec![b'x'; 16 * 65_536])).await;
    sender.expect_text(TOO_LARGE).await;
    sender.expect_silence().await;
    // The declared length is enough.
    sender.send(&frame_head(TEXT, 16 * 65_536 + 1)).await;
    assert_eq!(sender.expect_close(1009).await, "message is far too large");
    sender.expect_end().await;
    assert_eq!(other.next_json().await["type"], "user_left");
    other.expect_silence().await;
}

#[tokio::test]
async fn endless_fragments_close_with_1009() {
    let server = TestServer::start_default().await;
    // Empty fragments count, too: they have no payload but cost time.
    let mut empty = server.connect().await;
    let fragments = frame(CONTINUATION, b"").repeat(1024);
    let bytes = [frame(TEXT_FRAGMENT, b""), fragments].concat();
    empty.send_unless_closed(&bytes).await;
    assert_eq!(
        empty.expect_close(1009).await,
        "message has too many fragments"
    );
    empty.expect_end().await;

    // An endless message is refused when it passes the limit and closed at 16 times the limit.
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
async fn the_limit_of_fragments_is_configurable() {
    let server = TestServer::start(config(|config| config.connections.max_fragments = 14)).await;
    let mut client = server.connect().await;
    let ping = r#"{"type":"ping"}"#.as_bytes();
    let mut bytes = frame(TEXT_FRAGMENT, &ping[..1]);
    for byte in &ping[1..13] {
        bytes.extend(frame(CONTINUATION, &[*byte]));
    }
    bytes.extend(frame(FINAL_CONTINUATION, &ping[13..]));
    // One byte per write: frames need not arrive in one piece.
    for byte in bytes {
        client.send(&[byte]).await;
    }
    client.expect_text(r#"{"type":"pong"}"#).await;
}
