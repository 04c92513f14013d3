//! Tokens for one channel alone.

use serde_json::{Value, json};

use super::issuer::{connect, now, start, token};
use crate::support::{Binary, Client};

const RULES: &str = "[[channels]]\npattern = \"audit:*\"\nsubscribe = \"nobody\"\n";

async fn ada(edge: &Binary) -> Client {
    connect(edge, &token(json!({"sub": "ada"}))).await
}

/// The answer to a subscription with a token of these claims.
async fn subscribe(client: &mut Client, channel: &str, claims: Value) -> Value {
    let token = token(claims);
    let command = json!({"type": "subscribe", "channel": channel, "token": token});
    client.send_text(&command.to_string()).await;
    client.next_json().await
}

#[tokio::test]
async fn a_subscription_token_opens_its_channel_and_no_other() {
    let edge = start(RULES).await;
    let mut client = ada(&edge).await;
    let claims = json!({"sub": "ada", "channel": "doc:17"});
    let answer = subscribe(&mut client, "doc:17", claims.clone()).await;
    assert_eq!(answer, json!({"type": "subscribed", "channel": "doc:17"}));
    for (channel, claims, code) in [
        ("doc:18", claims, "invalid_token"),
        (
            "doc:1",
            json!({"sub": "bob", "channel": "doc:1"}),
            "invalid_token",
        ),
        ("doc:1", json!({"channel": "doc:1"}), "invalid_token"),
        // A connection token.
        (
            "doc:1",
            json!({"sub": "ada", "channels": ["doc:1"]}),
            "invalid_token",
        ),
        (
            "doc:1",
            json!({"sub": "ada", "channel": "doc:1", "exp": 1, "iat": 0}),
            "token_expired",
        ),
        (
            "doc:1",
            json!({"sub": "ada", "channel": "doc:1", "allow": ["history"]}),
            "forbidden",
        ),
        (
            "audit:1",
            json!({"sub": "ada", "channel": "audit:1", "allow": ["*"]}),
            "forbidden",
        ),
    ] {
        let answer = subscribe(&mut client, channel, claims).await;
        assert_eq!(answer["code"], code, "{channel}");
        assert_eq!(answer["channel"], channel);
    }
}

#[tokio::test]
async fn it_allows_in_its_channel_what_it_says() {
    let edge = start("").await;
    let mut client = ada(&edge).await;
    let claims = json!({"sub": "ada", "channel": "doc:17", "allow": ["subscribe", "publish"]});
    subscribe(&mut client, "doc:17", claims).await;
    let publish = r#"{"type":"publish","channel":"doc:17","data":1}"#;
    client.send_text(publish).await;
    assert_eq!(client.next_json().await["from"], "ada");
    client
        .send_text(r#"{"type":"history","channel":"doc:17"}"#)
        .await;
    assert_eq!(client.next_json().await["code"], "forbidden");
    // Without a token, as long as that one is valid.
    client.unsubscribe("doc:17").await;
    client.subscribe("doc:17").await;
    client
        .ask(
            r#"{"type":"publish","channel":"doc:18","data":1}"#,
            r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"doc:18"}"#,
        )
        .await;
}

#[tokio::test]
async fn its_subscription_ends_with_it_unless_a_newer_one_comes_before() {
    let edge = start("").await;
    let mut client = ada(&edge).await;
    let claims = |channel: &str, seconds: u64| json!({"sub": "ada", "channel": channel, "exp": now() + seconds});
    subscribe(&mut client, "doc:1", claims("doc:1", 2)).await;
    subscribe(&mut client, "doc:2", claims("doc:2", 2)).await;
    let moved = subscribe(&mut client, "doc:2", claims("doc:2", 3600)).await;
    assert_eq!(moved["type"], "subscribed");
    let ended = r#"{"type":"unsubscribed","channel":"doc:1","reason":"token_expired"}"#;
    client.expect_text(ended).await;
    for (channel, subscribers) in [("doc:1", 0), ("doc:2", 1)] {
        let event = json!({"channel": channel, "data": {"message": "later"}});
        let published = edge.http("POST", "/api/events", Some(&event)).await.json();
        assert_eq!(published["subscribers"], subscribers, "{channel}");
    }
    client.expect_event("doc:2", "later").await;
}

#[tokio::test]
async fn it_survives_a_refresh_of_the_connection_and_not_its_revocation() {
    let edge = start("").await;
    let mut client = ada(&edge).await;
    let claims = json!({"sub": "ada", "channel": "doc:1", "jti": "one"});
    subscribe(&mut client, "doc:1", claims.clone()).await;
    let auth = json!({"type": "auth", "token": token(json!({"sub": "ada"}))});
    client.send_text(&auth.to_string()).await;
    assert_eq!(client.next_json().await["type"], "authenticated");
    let revocation = json!({"token_id": "one"});
    let made = edge
        .http("POST", "/api/revocations", Some(&revocation))
        .await;
    assert_eq!(made.status, 201);
    let ended = r#"{"type":"unsubscribed","channel":"doc:1","reason":"forbidden"}"#;
    client.expect_text(ended).await;
    client
        .send_text(r#"{"type":"subscribe","channel":"doc:1"}"#)
        .await;
    assert_eq!(client.next_json().await["code"], "forbidden");
    let answer = subscribe(&mut client, "doc:1", claims).await;
    assert_eq!(answer["code"], "token_revoked");
}
