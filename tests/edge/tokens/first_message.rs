//! Tokens that come as the first message.

use std::time::Duration;

use serde_json::json;

use super::desk::{start, start_configured};
use crate::support::{
    Client, TestServer, close_frame, config, exchange, frame, refusable_handshake, text_frame,
    within,
};

/// A connection that is upgraded and has not authenticated.
async fn dial(server: &TestServer) -> Client {
    let mut client = Client::dial(server.address).await;
    client
        .send(crate::support::upgrade_request("/ws").as_bytes())
        .await;
    client.expect_upgrade().await;
    client
}

#[tokio::test]
async fn until_the_token_comes_only_pings_are_answered_and_nothing_else_arrives() {
    let server = start(|_| {}).await;
    let mut client = dial(&server).await;
    client
        .ask(r#"{"type":"ping","id":1}"#, r#"{"type":"pong","id":1}"#)
        .await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"news","id":2}"#,
            r#"{"type":"error","code":"unauthenticated","message":"Authentication required","id":2}"#,
        )
        .await;
    client.send(&frame(0x89, b"beep")).await;
    client.expect_pong(b"beep").await;
    assert_eq!(server.publish("$all", "not for strangers").await, 0);
    assert_eq!(server.get("/api/stats").await["active_connections"], 0);

    client
        .ask(
            r#"{"type":"auth","token":"ada_news_3600","id":3}"#,
            r#"{"type":"authenticated","user":"ada","expires_in":3599,"id":3}"#,
        )
        .await;
    client.subscribe("news").await;
    assert_eq!(server.publish("$all", "for all").await, 1);
    client.expect_event("$all", "for all").await;
    assert_eq!(server.publish("$user:ada", "for ada").await, 1);
    client.expect_event("$user:ada", "for ada").await;
}

#[tokio::test]
async fn what_the_client_sends_behind_its_token_is_carried_out() {
    let server = start(|_| {}).await;
    let mut client = Client::dial(server.address).await;
    let batch =
        r#"[{"type":"auth","token":"-_news.chat_-"},{"type":"subscribe","channel":"news"}]"#;
    let join = text_frame(r#"{"type":"join","room":"chat"}"#);
    // With the handshake, and the last message in two parts.
    let mut bytes = crate::support::upgrade_request("/ws").into_bytes();
    bytes.extend(text_frame(batch));
    let split = join.len() / 2;
    bytes.extend(&join[..split]);
    client.send(&bytes).await;
    client.expect_upgrade().await;
    client
        .expect_text(r#"{"type":"authenticated","user":null}"#)
        .await;
    client
        .expect_json(json!({"type": "subscribed", "channel": "news"}))
        .await;
    client.send(&join[split..]).await;
    let joined = json!({"type": "joined", "room": "chat", "members": 1});
    client.expect_json(joined).await;
}

#[tokio::test]
async fn a_bad_first_token_closes_the_connection_and_says_why() {
    let server = start(|_| {}).await;
    for (token, code, message, close) in [
        ("nonsense", "invalid_token", "Invalid token", 4501),
        ("ada_news_0", "token_expired", "Token expired", 4003),
    ] {
        let mut client = dial(&server).await;
        let auth = json!({"type": "auth", "token": token, "id": "x"});
        client.send_text(&auth.to_string()).await;
        let refused = json!({"type": "error", "code": code, "message": message, "id": "x"});
        client.expect_json(refused).await;
        client.expect_close(close).await;
    }
}

#[tokio::test]
async fn a_client_that_sends_no_token_in_time_is_closed() {
    let server = start(|desk| {
        desk.with_options(|options| options.auth_timeout = Duration::from_millis(200));
    })
    .await;
    let mut client = dial(&server).await;
    assert_eq!(client.expect_close(4500).await, "authentication required");
}

#[tokio::test]
async fn only_so_many_connections_wait_for_their_tokens() {
    let server = start(|desk| desk.with_options(|options| options.max_waiting = 2)).await;
    let first = dial(&server).await;
    let mut second = dial(&server).await;
    let third = exchange(server.address, refusable_handshake().as_bytes()).await;
    third.expect_problem(503, "too_many_connections");
    // One that has authenticated waits no longer, and one that has ended does not either.
    second
        .ask(
            r#"{"type":"auth","token":"ada_news_-"}"#,
            r#"{"type":"authenticated","user":"ada"}"#,
        )
        .await;
    let _third = dial(&server).await;
    first.hang_up().await;
    let again = async {
        loop {
            let mut client = Client::dial(server.address).await;
            client.send(refusable_handshake().as_bytes()).await;
            let head = crate::support::read_head(client.stream()).await;
            if head.starts_with("HTTP/1.1 101") {
                return;
            }
        }
    };
    within("a place for one that ended", again).await;
}

#[tokio::test]
async fn a_connection_that_waits_for_its_token_counts_among_all_connections_once() {
    let limited = config(|config| config.connections.max = 1);
    let server = start_configured(|_| {}, limited).await;
    let mut client = dial(&server).await;
    let refused = exchange(server.address, refusable_handshake().as_bytes()).await;
    refused.expect_problem(503, "too_many_connections");
    client
        .ask(
            r#"{"type":"auth","token":"ada_news_-"}"#,
            r#"{"type":"authenticated","user":"ada"}"#,
        )
        .await;
    client.subscribe("news").await;
}

#[tokio::test]
async fn the_wait_ends_with_the_peer_a_protocol_error_and_a_drain() {
    let server = start(|_| {}).await;
    let mut closing = dial(&server).await;
    closing.send(&close_frame(1000, "")).await;
    closing.expect_close(1000).await;

    let mut wrong = dial(&server).await;
    // Unmasked.
    wrong.send(b"\x81\x00").await;
    wrong.expect_close(1002).await;

    let mut large = dial(&server).await;
    large
        .send_text(&format!("\"{}\"", "x".repeat(70_000)))
        .await;
    large
        .expect_json(
            json!({"type": "error", "code": "message_too_large", "message": "Message too large"}),
        )
        .await;

    let drain = server.server.drain();
    let (left, _) = tokio::join!(drain, large.expect_close(1001));
    assert_eq!(left, 0);
}
