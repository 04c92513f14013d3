//! Subscriptions: one-way, from backends to clients.

use serde_json::json;

use crate::support::{TestServer, eventually};

#[tokio::test]
async fn a_client_connects_and_subscribes() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"notifications"}"#,
            r#"{"type":"subscribed","channel":"notifications"}"#,
        )
        .await;
    client.expect_silence().await;
}

#[tokio::test]
async fn subscribe_and_unsubscribe() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    assert_eq!(server.publish("news", "nobody receives this").await, 0);
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "one").await, 1);
    client.expect_event("news", "one").await;
    client
        .ask(
            r#"{"type":"unsubscribe","channel":"news"}"#,
            r#"{"type":"unsubscribed","channel":"news"}"#,
        )
        .await;
    assert_eq!(server.publish("news", "two").await, 0);
    client.expect_silence().await;
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "three").await, 1);
    client.expect_event("news", "three").await;
}

#[tokio::test]
async fn subscribing_twice_is_one_subscription() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "once").await, 1);
    client.expect_event("news", "once").await;
    client.expect_silence().await;
    client.unsubscribe("news").await;
    assert_eq!(server.publish("news", "gone").await, 0);
    client.expect_silence().await;
}

#[tokio::test]
async fn a_channel_and_a_room_of_the_same_name_are_independent() {
    let server = TestServer::start_default().await;
    let (mut subscriber, mut member) = (server.connect().await, server.connect().await);
    subscriber.subscribe("lobby").await;
    member.join("lobby", 1).await;
    assert_eq!(server.publish("lobby", "an event").await, 1);
    subscriber.expect_event("lobby", "an event").await;
    member.say("lobby", "a message").await;
    member.expect_silence().await;
    subscriber.expect_silence().await;
    // A subscriber is not a member of the room, so it cannot send messages to it.
    subscriber
        .ask(
            r#"{"type":"message","room":"lobby","content":"hello?"}"#,
            r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"lobby"}"#,
        )
        .await;
}

#[tokio::test]
async fn a_subscriber_that_disconnects_is_cleaned_up() {
    let server = TestServer::start_default().await;
    let (mut staying, mut closing, mut vanishing) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut staying, &mut closing, &mut vanishing] {
        client.subscribe("news").await;
        client.subscribe("sport").await;
    }
    closing.close().await;
    vanishing.reset();
    eventually("the end of both connections", async || {
        let stats = server.get("/api/stats").await;
        stats["active_connections"] == 1 && stats["channels"] == json!({"news": 1, "sport": 1})
    })
    .await;
    assert_eq!(server.publish("news", "still here").await, 1);
    staying.expect_event("news", "still here").await;
    // The channel ends with its last subscriber.
    staying.close().await;
    eventually("no channel", async || {
        server.get("/api/channels").await == json!({"channels": [], "total": 0, "next": null})
    })
    .await;
}

#[tokio::test]
async fn statistics_are_exact_when_nothing_is_going_on() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(7).await;
    for client in &mut clients[..5] {
        client.subscribe("notifications").await;
    }
    for client in &mut clients[3..] {
        client.subscribe("alerts").await;
    }
    clients[0].join("general", 1).await;
    server.publish("notifications", "x").await;
    server.publish("nobody-listens", "x").await;
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["active_connections"], 7);
    assert_eq!(stats["channels"], json!({"alerts": 4, "notifications": 5}));
    assert_eq!(
        (&stats["channels_total"], &stats["rooms_total"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(stats["connections_total"], 7);
    // One that nobody receives counts too: the history keeps it for those who come later.
    assert_eq!(stats["broadcasts_total"], 2);
    for client in &mut clients[..5] {
        client.expect_event("notifications", "x").await;
    }
    // 10 acknowledgements and 5 events.
    assert_eq!(server.get("/api/stats").await["deliveries_total"], 15);
    clients[4].unsubscribe("alerts").await;
    let channels = &server.get("/api/stats").await["channels"];
    assert_eq!(*channels, json!({"alerts": 3, "notifications": 5}));
}

#[tokio::test]
async fn invalid_subscriptions_get_errors() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let (invalid, forbidden) = (
        ("invalid_channel", "Invalid channel"),
        ("forbidden", "Forbidden"),
    );
    for (name, (code, message)) in [
        ("", invalid),
        (&"x".repeat(201), invalid),
        ("tab\there", invalid),
        ("$secret", forbidden),
        ("$user:", forbidden),
        ("$ALL", forbidden),
    ] {
        for kind in ["subscribe", "unsubscribe"] {
            let command = json!({"type": kind, "channel": name});
            client.send_text(&command.to_string()).await;
            let answer =
                json!({"type": "error", "code": code, "message": message, "channel": name});
            client.expect_json(answer).await;
        }
    }
    client
        .ask(
            r#"{"type":"unsubscribe","channel":"news","id":5}"#,
            r#"{"type":"error","code":"not_subscribed","message":"Not subscribed","channel":"news","id":5}"#,
        )
        .await;
    client
        .ask(
            r#"{"type":"subscribe"}"#,
            r#"{"type":"error","code":"missing_field","message":"Missing field","field":"channel"}"#,
        )
        .await;
    client.subscribe(&"x".repeat(200)).await;
}
