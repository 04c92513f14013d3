//! Recovery in rooms, and of the events for one user.

use serde_json::json;

use crate::support::{Client, Position, TestServer, expect_offsets, subscribe_with, with_history};

#[tokio::test]
async fn rooms_recover_messages_but_not_joins_and_leaves() {
    let server = TestServer::start(with_history(100)).await;
    let mut anna = server.connect().await;
    anna.join("general", 1).await;
    let mut ben = server.connect().await;
    ben.send_text(r#"{"type":"join","room":"general","positions":true}"#)
        .await;
    let joined = ben.next_json().await;
    assert_eq!(joined["members"], 2);
    let position = Position::of(&joined);
    ben.leave("general").await;
    assert_eq!(anna.next_json().await["type"], "user_joined");
    assert_eq!(anna.next_json().await["type"], "user_left");
    for (id, content) in ["one", "two"].iter().enumerate() {
        let command = json!({"type": "message", "room": "general", "content": content, "id": id});
        anna.send_text(&command.to_string()).await;
        anna.expect_json(json!({"type": "sent", "room": "general", "offset": id + 1, "id": id}))
            .await;
    }
    let command = json!({"type": "join", "room": "general", "since": position.since()});
    ben.send_text(&command.to_string()).await;
    let joined = ben.next_json().await;
    assert_eq!(
        (&joined["recovered"], &joined["members"]),
        (&json!(true), &json!(2))
    );
    for (offset, content) in [(1, "one"), (2, "two")] {
        let message = ben.next_json().await;
        assert_eq!(message["offset"], offset, "{message}");
        assert_eq!(message["content"], content, "{message}");
    }
    ben.expect_silence().await;
}

#[tokio::test]
async fn the_acknowledgement_of_a_message_arrives_in_order_with_the_other_messages() {
    let server = TestServer::start(with_history(1000)).await;
    let mut anna = server.connect().await;
    let mut ben = server.connect().await;
    for client in [&mut anna, &mut ben] {
        client
            .send_text(r#"{"type":"join","room":"r","positions":true}"#)
            .await;
        client.next_json().await;
    }
    assert_eq!(anna.next_json().await["type"], "user_joined");
    for id in 0..50 {
        for client in [&mut anna, &mut ben] {
            let command = json!({"type": "message", "room": "r", "content": 0, "id": id});
            client.send_text(&command.to_string()).await;
        }
    }
    for client in [&mut anna, &mut ben] {
        for offset in 1..=100 {
            let next = client.next_json().await;
            assert_eq!(next["offset"], offset, "{next}");
        }
    }
}

/// The history has far more than the kernel and an outbox take, so the replay waits for its reader.
#[tokio::test]
async fn a_member_that_still_replays_gets_its_own_message_from_the_history() {
    let server = TestServer::start(with_history(1000)).await;
    let mut anna = server.connect().await;
    anna.join("general", 1).await;
    let say = |content: &str, id: u64| {
        json!({"type": "message", "room": "general", "content": content, "id": id}).to_string()
    };
    let sent =
        |offset: u64| json!({"type": "sent", "room": "general", "offset": offset, "id": offset});
    let padding = "x".repeat(20_000);
    for offset in 1..=100 {
        anna.send_text(&say(&padding, offset)).await;
        anna.expect_json(sent(offset)).await;
    }
    let mut ben = Client::connect_with_small_buffer(server.address).await;
    ben.send_text(r#"{"type":"join","room":"general","last":100}"#)
        .await;
    assert_eq!(ben.next_json().await["replayed"], 100);
    ben.send_text(&say("his own", 101)).await;
    assert_eq!(anna.next_json().await["type"], "user_joined");
    assert_eq!(anna.next_json().await["content"], "his own");

    let (mut offset, mut acknowledged) = (0, None);
    while offset < 101 {
        let next = ben.next_json().await;
        if next["type"] == "sent" {
            assert_eq!(next, sent(101));
            assert_eq!(acknowledged.replace(offset), None, "once");
        } else {
            offset += 1;
            assert_eq!(next["offset"], offset, "{next}");
            assert_eq!(next["content"] == "his own", offset == 101, "{next}");
        }
    }
    let acknowledged = acknowledged.expect("an acknowledgement");
    assert!(acknowledged < 100, "after {acknowledged}");
    // Once it is live, it gets no more of them.
    ben.send_text(&say("live", 102)).await;
    ben.expect_json(sent(102)).await;
    ben.expect_silence().await;
}

#[tokio::test]
async fn a_user_recovers_the_events_that_were_sent_to_it() {
    let mut config = with_history(10);
    config.trust_user_parameter = true;
    let server = TestServer::start(config).await;
    let mut client = server.connect_as("u1").await;
    let answer = subscribe_with(&mut client, "$user:u1", json!({"positions": true})).await;
    let position = Position::of(&answer);
    client.hang_up().await;
    let event = json!({"user": "u1", "data": {"message": "1"}});
    assert_eq!(server.post("/api/events", &event).await.status, 200);
    let mut client = server.connect_as("u1").await;
    let answer = subscribe_with(&mut client, "$user:u1", json!({"since": position.since()})).await;
    assert_eq!(answer["replayed"], 1, "{answer}");
    expect_offsets(&mut client, 1..=1).await;
    client
        .ask(
            r#"{"type":"history","channel":"$user:u2"}"#,
            r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"$user:u2"}"#,
        )
        .await;
}
