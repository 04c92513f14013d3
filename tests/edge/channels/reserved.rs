//! The reserved channels: `$all`, `$system`, `$user:<id>`.

use serde_json::{Value, json};

use crate::support::{
    Client, EventSource, TestServer, config, eventually, read_head, upgrade_request,
};

#[tokio::test]
async fn announcements_reach_every_connection() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(4).await;
    clients[0].subscribe("news").await;
    // Everybody receives these channels; subscribing changes nothing.
    clients[1].subscribe("$all").await;
    clients[1].subscribe("$system").await;
    let all = json!({"broadcast": true, "data": {"message": "to everybody"}});
    assert_eq!(
        server.post("/api/events", &all).await.json()["subscribers"],
        4
    );
    assert_eq!(server.publish("$all", "by name").await, 4);
    for client in &mut clients {
        client.expect_event("$all", "to everybody").await;
        client.expect_event("$all", "by name").await;
        client.expect_silence().await;
    }
    let stats = server.get("/api/stats").await;
    assert_eq!(
        stats["channels"],
        json!({"news": 1}),
        "reserved channels are not listed"
    );
}

#[tokio::test]
async fn clients_cannot_control_reserved_channels() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for (kind, channel) in [
        ("subscribe", "$user:alice"),
        ("unsubscribe", "$user:alice"),
        ("unsubscribe", "$all"),
        ("unsubscribe", "$system"),
    ] {
        client
            .ask(
                &format!(r#"{{"type":"{kind}","channel":"{channel}"}}"#),
                &format!(r#"{{"type":"error","code":"forbidden","message":"Forbidden","channel":"{channel}"}}"#),
            )
            .await;
    }
    let event = json!({"channel": "$system", "data": "I am the server"});
    let response = server.post("/api/events", &event).await;
    response.expect_problem(403, "forbidden");
    let event = json!({"channels": ["news", "$system"], "data": "I am the server"});
    server
        .post("/api/events", &event)
        .await
        .expect_problem(403, "forbidden");
    client.expect_silence().await;
}

#[tokio::test]
async fn all_connections_of_a_user_receive_its_channel() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut alices = [
        server.connect_as("alice").await,
        server.connect_as("alice").await,
    ];
    let mut bob = server.connect_as("bob").await;
    let mut nobody = server.connect().await;
    let event = json!({"user": "alice", "data": {"message": "for you"}});
    assert_eq!(
        server.post("/api/events", &event).await.json()["subscribers"],
        2
    );
    for alice in &mut alices {
        alice.expect_event("$user:alice", "for you").await;
        alice.subscribe("$user:alice").await;
        alice.expect_silence().await;
    }
    bob.expect_silence().await;
    nobody.expect_silence().await;
    bob.ask(
        r#"{"type":"subscribe","channel":"$user:alice"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"$user:alice"}"#,
    )
    .await;
    assert_eq!(server.connection_of(&bob).await["user"], "bob");
    // In rooms, a connection has the name of its user.
    bob.join("general", 1).await;
    alices[0].join("general", 2).await;
    bob.expect_text(r#"{"type":"user_joined","room":"general","user_id":"alice"}"#)
        .await;
    bob.say("general", "hi").await;
    alices[0]
        .expect_text(r#"{"type":"message","room":"general","from":"bob","content":"hi"}"#)
        .await;
    for bad in [
        "/ws?user=",
        "/ws?user=a%00b",
        &format!("/ws?user={}", "x".repeat(195)),
    ] {
        let mut client = Client::dial(server.address).await;
        client.send(upgrade_request(bad).as_bytes()).await;
        let head = read_head(client.stream()).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    }
}

#[tokio::test]
async fn the_user_parameter_is_ignored_unless_trusted() {
    let server = TestServer::start_default().await;
    let mut client = server.connect_as("alice").await;
    assert_eq!(server.connection_of(&client).await["user"], Value::Null);
    let event = json!({"user": "alice", "data": 1});
    assert_eq!(
        server.post("/api/events", &event).await.json()["subscribers"],
        0
    );
    client.expect_silence().await;
}

#[tokio::test]
async fn a_user_can_connect_though_others_are_in_all_topics_that_there_may_be() {
    let server = TestServer::start(config(|config| {
        config.limits.topics = 1;
        config.trust_user_parameter = true;
    }))
    .await;
    let mut stranger = server.connect().await;
    stranger.subscribe("a").await;
    let mut user = server.connect_as("ada").await;
    let mut source = EventSource::open(server.address, "/sse?channel=a&user=bob").await;
    source.expect_subscribed(&["a"]).await;
    let event = json!({"user": "ada", "data": {"message": "hello"}});
    let answer = server.post("/api/events", &event).await;
    assert_eq!(answer.json()["subscribers"], 1);
    user.expect_event("$user:ada", "hello").await;
    // What the server subscribes them to takes nobody's place either.
    drop((stranger, source));
    eventually("a free topic", async || server.links() == 1).await;
    user.subscribe("b").await;
}
