//! Tokens that come with the request.

use serde_json::json;

use super::desk::{Desk, as_subprotocol, connect_with, dial_with, start, upgrade_with};
use crate::support::{Client, EventSource, exchange, read_head, refusable_handshake};

#[tokio::test]
async fn a_token_in_the_header_makes_the_connection_that_of_its_user() {
    let server = start(|_| {}).await;
    let mut ada = connect_with(&server, "ada_news_-").await;
    ada.subscribe("news").await;
    ada.ask(
        r#"{"type":"subscribe","channel":"secrets"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"secrets"}"#,
    )
    .await;
    let shown = server.connection_of(&ada).await;
    assert_eq!(shown["user"], "ada");
}

#[tokio::test]
async fn a_bad_token_in_the_header_is_refused_before_the_upgrade() {
    let server = start(|_| {}).await;
    let upgrade = |token: &str| {
        let request = upgrade_with(&format!("authorization: Bearer {token}"));
        request.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1)
    };
    for (token, code) in [
        ("nonsense", "invalid_token"),
        ("ada_news_0", "token_expired"),
    ] {
        let refused = exchange(server.address, upgrade(token).as_bytes()).await;
        refused.expect_problem(401, code);
        let challenge = refused.header("www-authenticate");
        assert_eq!(
            challenge,
            Some(r#"Bearer error="invalid_token""#),
            "{token}"
        );
        assert!(!refused.body.contains(token), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_browser_brings_its_token_as_a_subprotocol_and_never_sees_it_again() {
    let server = start(|_| {}).await;
    let mut client = dial_with(&server, &as_subprotocol("ada_news_-")).await;
    let head = read_head(client.stream()).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("sec-websocket-protocol: wavecast\r\n"),
        "{head}"
    );
    assert!(!head.contains("ada"), "{head}");
    client.subscribe("news").await;
}

#[tokio::test]
async fn a_bad_token_as_a_subprotocol_is_upgraded_and_then_refused() {
    let server = start(|_| {}).await;
    for (token, code, message, close, reason) in [
        (
            "nonsense",
            "invalid_token",
            "Invalid token",
            4501,
            "invalid token",
        ),
        (
            "ada_news_0",
            "token_expired",
            "Token expired",
            4003,
            "token expired",
        ),
    ] {
        let mut client = dial_with(&server, &as_subprotocol(token)).await;
        let head = read_head(client.stream()).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        client
            .expect_json(json!({"type": "error", "code": code, "message": message}))
            .await;
        assert_eq!(client.expect_close(close).await, reason);
    }
    assert_eq!(server.get("/api/stats").await["active_connections"], 0);
}

#[tokio::test]
async fn a_token_that_no_answer_could_name_is_refused() {
    let server = start(|_| {}).await;
    let request = upgrade_with("sec-websocket-protocol: wavecast.token.ada_news_-");
    let request = request.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1);
    let refused = exchange(server.address, request.as_bytes()).await;
    refused.expect_problem(400, "invalid_subprotocol");
}

#[tokio::test]
async fn a_token_in_the_query_needs_to_be_allowed() {
    let server = start(|_| {}).await;
    let request = refusable_handshake().replacen("/ws", "/ws?token=ada_news_-", 1);
    let refused = exchange(server.address, request.as_bytes()).await;
    refused.expect_problem(400, "token_in_query");

    let server = start(|desk| desk.with_options(|options| options.allow_query = true)).await;
    let mut ada = Client::connect(server.address, "/ws?token=ada_news_-").await;
    ada.subscribe("news").await;
    let both = "authorization: Bearer ada_news_-";
    let request = upgrade_with(both).replacen("/ws", "/ws?token=ada_news_-", 1);
    let request = request.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1);
    let refused = exchange(server.address, request.as_bytes()).await;
    refused.expect_problem(400, "several_tokens");
}

#[tokio::test]
async fn event_streams_take_the_header_and_answer_401() {
    let server = start(|desk| desk.with_options(|options| options.allow_query = true)).await;
    let get = |lines: &str, query: &str| {
        format!(
            "GET /sse?channel=news{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
        )
    };
    let none = exchange(server.address, get("", "").as_bytes()).await;
    none.expect_problem(401, "unauthenticated");
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    let bad = get("Authorization: Bearer nonsense\r\n", "");
    let bad = exchange(server.address, bad.as_bytes()).await;
    bad.expect_problem(401, "invalid_token");
    let forbidden = get("Authorization: Bearer ada_chat_-\r\n", "");
    let forbidden = exchange(server.address, forbidden.as_bytes()).await;
    forbidden.expect_problem(403, "forbidden");

    let header = "Authorization: Bearer ada_news_-\r\n";
    let mut stream = EventSource::open_with(server.address, "/sse?channel=news", header).await;
    stream.expect_subscribed(&["news"]).await;
    let path = "/sse?channel=news&token=ada_news_-";
    let mut stream = EventSource::open(server.address, path).await;
    stream.expect_subscribed(&["news"]).await;
}

#[tokio::test]
async fn a_client_that_may_be_anonymous_is_anonymous_at_once() {
    let server = start(Desk::welcome_anybody).await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"chat"}"#,
            r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"chat"}"#,
        )
        .await;
}
