//! Frames that carry commands: ids, batches, binary frames, and errors for invalid ones.

use serde_json::json;

use crate::support::{BINARY, TestServer, frame};

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
    client
        .ask(r#"{"type":"ping","id":null}"#, r#"{"type":"pong"}"#)
        .await;
    for id in ["1.5", "true", "{}", "[]", &format!("{:?}", "x".repeat(127))] {
        client
            .ask(
                &format!(r#"{{"type":"ping","id":{id}}}"#),
                r#"{"type":"error","code":"invalid_id","message":"Invalid id"}"#,
            )
            .await;
    }
}

#[tokio::test]
async fn an_invalid_command_in_a_batch_does_not_affect_the_others() {
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
    // An empty batch does nothing. A batch of more than a thousand commands is refused.
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
async fn a_binary_frame_is_read_as_json() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .send(&frame(BINARY, br#"{"type":"join","room":"a"}"#))
        .await;
    client
        .expect_text(r#"{"type":"joined","room":"a","members":1}"#)
        .await;
    // In a binary frame, invalid UTF-8 is invalid JSON and not a protocol error.
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
async fn an_invalid_command_gets_an_error_and_the_connection_stays_open() {
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

#[tokio::test]
async fn an_error_repeats_only_the_beginning_of_a_name_that_is_far_too_long() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let long = "x".repeat(10_000);
    for (kind, field) in [
        ("join", "room"),
        ("subscribe", "channel"),
        ("history", "room"),
    ] {
        client
            .send_text(&format!(r#"{{"type":"{kind}","{field}":"{long}"}}"#))
            .await;
        let error = client.next_json().await;
        assert_eq!(error["code"], format!("invalid_{field}"));
        assert_eq!(error[field], "x".repeat(64));
    }
    let event = serde_json::json!({"channel": long, "data": 1});
    let refused = server.post("/api/events", &event).await;
    let detail = refused.expect_problem(400, "invalid_channel");
    assert!(detail.len() < 200, "{detail}");
}
