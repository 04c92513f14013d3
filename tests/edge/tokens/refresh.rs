//! A client that authenticates again on its live connection.

use serde_json::json;

use super::desk::{Desk, connect_with, start};

#[tokio::test]
async fn a_narrower_token_ends_what_it_does_not_allow_in_order() {
    let server = start(|_| {}).await;
    let mut bob = connect_with(&server, "bob_chat_-").await;
    bob.join("chat", 1).await;
    let mut ada = connect_with(&server, "ada_news.chat.prices_-").await;
    ada.subscribe("news").await;
    ada.subscribe("prices").await;
    ada.join("chat", 2).await;
    bob.expect_json(json!({"type": "user_joined", "room": "chat", "user_id": "ada"}))
        .await;

    assert_eq!(server.publish("prices", "before").await, 1);
    ada.send_text(r#"{"type":"auth","token":"ada_news_-","id":1}"#)
        .await;
    ada.expect_event("prices", "before").await;
    let mut ended = [ada.next_text().await, ada.next_text().await];
    ended.sort();
    assert_eq!(
        ended,
        [
            r#"{"type":"left","room":"chat","reason":"forbidden"}"#,
            r#"{"type":"unsubscribed","channel":"prices","reason":"forbidden"}"#,
        ]
    );
    ada.expect_text(r#"{"type":"authenticated","user":"ada","id":1}"#)
        .await;
    bob.expect_json(json!({"type": "user_left", "room": "chat", "user_id": "ada"}))
        .await;

    assert_eq!(server.publish("prices", "after").await, 0);
    assert_eq!(server.publish("news", "still").await, 1);
    ada.expect_event("news", "still").await;
    ada.ask(
        r#"{"type":"subscribe","channel":"prices"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"prices"}"#,
    )
    .await;
}

#[tokio::test]
async fn a_refresh_misses_nothing() {
    let server = start(|_| {}).await;
    let mut ada = connect_with(&server, "ada_news_3600").await;
    ada.subscribe("news").await;
    for round in 0..50 {
        assert_eq!(server.publish("news", &format!("{round} before")).await, 1);
        ada.send_text(r#"{"type":"auth","token":"ada_news.more_3600"}"#)
            .await;
        assert_eq!(server.publish("news", &format!("{round} after")).await, 1);
        ada.expect_event("news", &format!("{round} before")).await;
        // Its answer comes before or after what is published at the same time.
        let next = [ada.next_json().await, ada.next_json().await];
        let events = next
            .iter()
            .filter(|message| message["type"] == "event")
            .count();
        assert_eq!(events, 1, "{next:?}");
    }
}

#[tokio::test]
async fn a_refused_token_leaves_the_old_one_in_force() {
    let server = start(|_| {}).await;
    let mut ada = connect_with(&server, "ada_news_-").await;
    ada.subscribe("news").await;
    for (token, code, message) in [
        ("nonsense", "invalid_token", "Invalid token"),
        ("ada_news_0", "token_expired", "Token expired"),
        ("bob_news_-", "user_changed", "User changed"),
        ("-_news_-", "user_changed", "User changed"),
    ] {
        let auth = json!({"type": "auth", "token": token, "id": 7});
        ada.send_text(&auth.to_string()).await;
        let refused = json!({"type": "error", "code": code, "message": message, "id": 7});
        ada.expect_json(refused).await;
    }
    assert_eq!(server.publish("news", "still here").await, 1);
    ada.expect_event("news", "still here").await;
    assert_eq!(server.connection_of(&ada).await["user"], "ada");
    ada.ask(
        r#"{"type":"auth"}"#,
        r#"{"type":"error","code":"missing_field","message":"Missing field","field":"token"}"#,
    )
    .await;
}

#[tokio::test]
async fn an_anonymous_client_becomes_a_user_while_it_is_in_no_topic() {
    let server = start(Desk::welcome_anybody).await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let auth = r#"{"type":"auth","token":"ada_news_-"}"#;
    client
        .ask(
            auth,
            r#"{"type":"error","code":"user_changed","message":"User changed"}"#,
        )
        .await;
    client.unsubscribe("news").await;
    client
        .ask(auth, r#"{"type":"authenticated","user":"ada"}"#)
        .await;
    assert_eq!(server.publish("$user:ada", "hello").await, 1);
    client.expect_event("$user:ada", "hello").await;
    assert_eq!(server.connection_of(&client).await["user"], "ada");
}

#[tokio::test]
async fn a_server_that_takes_no_tokens_refuses_them() {
    let server = crate::support::TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"auth","token":"ada_news_-"}"#,
            r#"{"type":"error","code":"invalid_token","message":"Invalid token"}"#,
        )
        .await;
}
