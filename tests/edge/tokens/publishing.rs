//! Clients that publish.

use serde_json::json;

use super::issuer::{connect, start, token};
use crate::support::{Binary, Client};

async fn publisher(edge: &Binary, user: &str) -> Client {
    let claims = json!({"sub": user, "channels": {"chat:*": ["subscribe", "publish"]}});
    connect(edge, &token(claims)).await
}

#[tokio::test]
async fn a_client_publishes_and_everybody_sees_who_it_was() {
    let edge = start("").await;
    let mut ada = publisher(&edge, "ada").await;
    let mut bob = publisher(&edge, "bob").await;
    ada.subscribe("chat:1").await;
    bob.subscribe("chat:1").await;
    ada.send_text(
        r#"{"type":"publish","channel":"chat:1","data":{ "text":"hi" },"event":"typing","from":"bob","event_id":"mine","id":1}"#,
    )
    .await;
    for client in [&mut ada, &mut bob] {
        let event = client.next_text().await;
        let begin = r#"{"type":"event","channel":"chat:1","from":"ada","event":"typing","data":{"id":"mine","timestamp":""#;
        assert!(event.starts_with(begin), "{event}");
        assert!(event.ends_with(r#", "text":"hi" }}"#), "{event}");
    }
    let published =
        r#"{"type":"published","channel":"chat:1","event_id":"mine","offset":1,"id":1}"#;
    ada.expect_text(published).await;

    // Without an id there is no reply, and the next command's comes first.
    ada.send_text(r#"{"type":"publish","channel":"chat:2","data":1}"#)
        .await;
    ada.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    let history = edge
        .http("GET", "/api/channels/chat:1/history", None)
        .await
        .json();
    assert_eq!(history["items"][0]["from"], "ada", "{history}");
}

#[tokio::test]
async fn a_retry_publishes_once_and_another_users_key_is_another() {
    let edge = start("").await;
    let mut ada = publisher(&edge, "ada").await;
    let mut bob = publisher(&edge, "bob").await;
    let publish = r#"{"type":"publish","channel":"chat:1","data":1,"event_id":"k","id":7}"#;
    let published = |offset: u32| {
        format!(
            r#"{{"type":"published","channel":"chat:1","event_id":"k","offset":{offset},"id":7}}"#
        )
    };
    ada.ask(publish, &published(1)).await;
    ada.ask(publish, &published(1)).await;
    bob.ask(publish, &published(2)).await;
    // Nor is a backend's.
    let event = json!({"channel": "chat:1", "id": "k", "data": 2});
    assert_eq!(
        edge.http("POST", "/api/events", Some(&event)).await.status,
        200
    );
    let history = edge
        .http("GET", "/api/channels/chat:1/history", None)
        .await
        .json();
    assert_eq!(history["items"].as_array().unwrap().len(), 3, "{history}");
}

#[tokio::test]
async fn a_client_publishes_only_where_it_may() {
    let edge = start("").await;
    let mut ada = publisher(&edge, "ada").await;
    for channel in ["news", "$all", "$user:ada", "$system"] {
        let publish = json!({"type": "publish", "channel": channel, "data": 1});
        ada.send_text(&publish.to_string()).await;
        let refused = json!({"type": "error", "code": "forbidden", "message": "Forbidden", "channel": channel});
        ada.expect_json(refused).await;
    }
    for (fields, code) in [
        (json!({"data": 1}), "missing_field"),
        (json!({"channel": "chat:1"}), "missing_field"),
        (json!({"channel": "", "data": 1}), "invalid_channel"),
        (
            json!({"channel": "chat:1", "data": 1, "event_id": ""}),
            "invalid_event",
        ),
        (
            json!({"channel": "chat:1", "data": 1, "event": 7}),
            "invalid_event",
        ),
        (
            json!({"channel": "chat:1", "data": "x".repeat(65_400)}),
            "message_too_large",
        ),
    ] {
        let mut publish = fields;
        publish["type"] = json!("publish");
        ada.send_text(&publish.to_string()).await;
        assert_eq!(ada.next_json().await["code"], code);
    }
    let open = Binary::start(&[]).await;
    let mut client = open.connect().await;
    client
        .ask(
            r#"{"type":"publish","channel":"news","data":1}"#,
            r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"news"}"#,
        )
        .await;
}
