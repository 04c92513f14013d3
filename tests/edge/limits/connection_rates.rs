//! Commands, bytes, pings and pongs of one connection.

use serde_json::json;

use super::{at_once, limited, limited_in_stats, start};
use crate::support::{PING, PONG, TestServer, frame, text_frame};

/// The refusal without the milliseconds after which to try again.
fn without_wait(mut message: serde_json::Value) -> serde_json::Value {
    let wait = message.as_object_mut().unwrap().remove("retry_after_ms");
    let wait = wait.and_then(|wait| wait.as_u64()).expect("a wait");
    assert!(wait > 0, "{message}");
    message
}

#[tokio::test]
async fn a_command_beyond_the_rate_is_refused_and_says_when_to_try_again() {
    let server = start(|limits| limits.commands = at_once(3)).await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    // What is refused for another reason counts too.
    let unknown = r#"{"type":"error","code":"unknown_type","message":"Unknown message type"}"#;
    client.ask(r#"{"type":"shout"}"#, unknown).await;
    client
        .ask(
            "{",
            r#"{"type":"error","code":"invalid_json","message":"Invalid JSON"}"#,
        )
        .await;
    client
        .send_text(r#"{"type":"subscribe","channel":"a","id":7}"#)
        .await;
    let text = client.next_text().await;
    let begin =
        r#"{"type":"error","code":"rate_limited","message":"Rate limited","retry_after_ms":"#;
    assert!(text.starts_with(begin), "{text}");
    assert!(text.ends_with(r#","channel":"a","id":7}"#), "{text}");
    client.send_text(r#"{"type":"join","room":"r"}"#).await;
    let refusal =
        json!({"type": "error", "code": "rate_limited", "message": "Rate limited", "room": "r"});
    assert_eq!(without_wait(client.next_json().await), refusal);
    // It stays connected, and hears what it has subscribed to.
    assert_eq!(server.publish("news", "on").await, 1);
    client.expect_event("news", "on").await;
    assert_eq!(limited_in_stats(&server, "commands").await, 2);
    assert_eq!(limited_in_stats(&server, "bytes").await, 0);
}

#[tokio::test]
async fn commands_that_ask_for_presence_have_a_rate_of_their_own_and_close_nobody() {
    let server = start(|limits| limits.presence_updates = at_once(2)).await;
    let mut client = server.connect().await;
    // Refused for lack of presence here, and counted nevertheless.
    for command in [
        r#"{"type":"subscribe","channel":"a","presence":true}"#,
        r#"{"type":"presence","channel":"a"}"#,
    ] {
        client.send_text(command).await;
        assert_eq!(client.next_json().await["code"], "no_presence");
    }
    for (command, subject) in [
        (r#"{"type":"presence","channel":"a"}"#, "channel"),
        (
            r#"{"type":"subscribe","channel":"a","presence":true}"#,
            "channel",
        ),
        (r#"{"type":"join","room":"a","presence":true}"#, "room"),
        (r#"{"type":"presence","room":"a"}"#, "room"),
    ] {
        client.send_text(command).await;
        let refusal = json!({"type": "error", "code": "rate_limited", "message": "Rate limited", subject: "a"});
        assert_eq!(without_wait(client.next_json().await), refusal);
    }
    let others = r#"{"type":"presence","channel":"a"}"#;
    client.send(&text_frame(others).repeat(150)).await;
    while limited(&server.server, "presence_updates") < 154 {
        tokio::task::yield_now().await;
    }
    client
        .send_text(r#"{"type":"subscribe","channel":"b"}"#)
        .await;
    loop {
        let answer = client.next_json().await;
        if answer["type"] == "subscribed" {
            break;
        }
        assert_eq!(answer["code"], "rate_limited", "{answer}");
    }
}

#[tokio::test]
async fn every_command_of_a_batch_counts_and_the_answers_stay_in_order() {
    let server = start(|limits| limits.commands = at_once(2)).await;
    let mut client = server.connect().await;
    let batch = r#"[{"type":"ping","id":1},{"type":"ping","id":2},{"type":"ping","id":3},7]"#;
    client.send_text(batch).await;
    client.expect_text(r#"{"type":"pong","id":1}"#).await;
    client.expect_text(r#"{"type":"pong","id":2}"#).await;
    let refusal =
        json!({"type": "error", "code": "rate_limited", "message": "Rate limited", "id": 3});
    assert_eq!(without_wait(client.next_json().await), refusal);
    let refusal = json!({"type": "error", "code": "rate_limited", "message": "Rate limited"});
    assert_eq!(without_wait(client.next_json().await), refusal);
}

#[tokio::test]
async fn a_client_that_goes_on_is_told_ten_times_and_closed_at_the_hundredth_refusal() {
    let server = start(|limits| limits.commands = at_once(5)).await;
    let mut client = server.connect().await;
    let pings = text_frame(r#"{"type":"ping"}"#).repeat(104);
    client.send(&pings).await;
    for _ in 0..5 {
        client.expect_text(r#"{"type":"pong"}"#).await;
    }
    let mut told = 0;
    // A slow machine may begin another second.
    while limited(&server.server, "commands") < 99 || told < 10 {
        assert_eq!(client.next_json().await["code"], "rate_limited");
        told += 1;
    }
    client.send_text(r#"{"type":"ping"}"#).await;
    while told < 100 {
        let frame = client.next_frame().await;
        if frame.first == crate::support::CLOSE {
            assert_eq!(frame.close(), (4002, "rate limit exceeded"));
            break;
        }
        told += 1;
    }
    assert!((10..40).contains(&told), "{told}");
    assert_eq!(limited(&server.server, "commands"), 100);
}

#[tokio::test]
async fn the_commands_of_a_message_with_too_many_bytes_are_refused() {
    let server = start(|limits| limits.bytes = at_once(500)).await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let large = format!(
        r#"{{"type":"message","room":"r","content":"{}","id":1}}"#,
        "x".repeat(460)
    );
    client.send_text(&large).await;
    let text = client.next_text().await;
    let end = r#","limit":"bytes","room":"r","id":1}"#;
    assert!(
        text.contains(r#""code":"rate_limited""#) && text.ends_with(end),
        "{text}"
    );
    // What is small enough still fits, and a message that is no command is refused once.
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    client.send_text(&" ".repeat(470)).await;
    let refusal = json!({"type": "error", "code": "rate_limited", "message": "Rate limited", "limit": "bytes"});
    assert_eq!(without_wait(client.next_json().await), refusal);
    client.send_text(&format!("[{}]", " ".repeat(470))).await;
    assert_eq!(without_wait(client.next_json().await), refusal);
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    assert_eq!(limited_in_stats(&server, "bytes").await, 3);
}

#[tokio::test]
async fn a_message_that_is_too_large_counts_as_many_bytes() {
    let server = start(|limits| limits.bytes = at_once(100_000)).await;
    let mut client = server.connect().await;
    let too_large = text_frame(&"x".repeat(70_000));
    client.send(&too_large).await;
    assert_eq!(client.next_json().await["code"], "message_too_large");
    client.send(&too_large).await;
    assert_eq!(client.next_json().await["limit"], "bytes");
}

async fn expect_too_many(server: &TestServer, opcode: u8) {
    let mut client = server.connect().await;
    // Its connecting has taken one.
    client.send(&frame(opcode, b"x").repeat(9)).await;
    client.send_text(r#"{"type":"ping"}"#).await;
    while client.next_frame().await.first == PONG {}
    client.send(&frame(opcode, b"x").repeat(1)).await;
    assert_eq!(client.expect_close(1008).await, "too many pings and pongs");
}

#[tokio::test]
async fn a_client_that_sends_too_many_pings_or_pongs_is_closed() {
    let server = start(|limits| limits.control_frames = at_once(10)).await;
    expect_too_many(&server, PING).await;
    expect_too_many(&server, PONG).await;
    assert_eq!(limited(&server.server, "control_frames"), 2);
    // Commands named `ping` are commands.
    let mut client = server.connect().await;
    for _ in 0..20 {
        client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    }
}

#[tokio::test]
async fn without_limits_every_command_is_answered() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for _ in 0..30 {
        let batch = vec![r#"{"type":"ping"}"#; 1000].join(",");
        client.send_text(&format!("[{batch}]")).await;
        for _ in 0..1000 {
            client.expect_text(r#"{"type":"pong"}"#).await;
        }
        client.send(&frame(PING, b"").repeat(16)).await;
        for _ in 0..16 {
            client.expect_pong(b"").await;
        }
    }
}

#[tokio::test]
async fn messages_without_a_command_count_by_their_bytes() {
    let server = start(|limits| limits.bytes = at_once(780)).await;
    let mut client = server.connect().await;
    client.send(&text_frame("[]").repeat(4)).await;
    client.send_text(r#"{"type":"ping"}"#).await;
    assert_eq!(client.next_json().await["code"], "rate_limited");
}
