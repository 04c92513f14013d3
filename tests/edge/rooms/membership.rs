//! Joining, leaving and sending messages, and what the other members are told.

use serde_json::json;
use uuid::Uuid;

use crate::support::{TestServer, config, eventually, text_frame};

fn user_joined(room: &str, id: Uuid) -> String {
    format!(r#"{{"type":"user_joined","room":"{room}","user_id":"{id}"}}"#)
}

fn user_left(room: &str, id: Uuid) -> String {
    format!(r#"{{"type":"user_left","room":"{room}","user_id":"{id}"}}"#)
}

fn message(room: &str, from: Uuid, content: &str) -> String {
    format!(r#"{{"type":"message","room":"{room}","from":"{from}","content":"{content}"}}"#)
}

#[tokio::test]
async fn test_join_room() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first
        .ask(
            r#"{"type":"join","room":"general"}"#,
            r#"{"type":"joined","room":"general","members":1}"#,
        )
        .await;
    // A client is not told of its own join.
    first.expect_silence().await;
    second.join("general", 2).await;
    second.expect_silence().await;
    let rooms = server.get("/api/rooms").await;
    assert_eq!(
        rooms,
        json!({
            "rooms": [{"name": "general", "members": 2, "messages": 0}],
            "total": 1,
            "next": null,
        })
    );
}

#[tokio::test]
async fn a_user_with_two_connections_joins_with_the_first_and_leaves_with_the_last() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut ben = server.connect_as("ben").await;
    ben.join("general", 1).await;
    let (mut first, mut second) = (
        server.connect_as("ada").await,
        server.connect_as("ada").await,
    );
    let joined = r#"{"type":"user_joined","room":"general","user_id":"ada"}"#;
    let left = r#"{"type":"user_left","room":"general","user_id":"ada"}"#;
    first.join("general", 2).await;
    ben.expect_text(joined).await;
    // The second connection counts as a member, and nobody is told of it.
    second.join("general", 3).await;
    second.leave("general").await;
    first.expect_silence().await;
    first.say("general", "still here").await;
    assert_eq!(ben.next_json().await["content"], "still here");
    first.leave("general").await;
    ben.expect_text(left).await;
}

#[tokio::test]
async fn test_leave_room() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    second
        .ask(
            r#"{"type":"leave","room":"general"}"#,
            r#"{"type":"left","room":"general"}"#,
        )
        .await;
    first.next_text().await;
    first.say("general", "anybody there?").await;
    first.expect_silence().await;
    second.expect_silence().await;
    // A client that left may join again.
    second.join("general", 2).await;
}

#[tokio::test]
async fn test_broadcast_message() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(5).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client.join("general", index + 1).await;
    }
    for (index, client) in clients.iter_mut().enumerate() {
        for _ in index + 1..5 {
            client.next_text().await;
        }
    }
    let sender = server.id_of(&clients[2]).await;
    clients[2]
        .send_text(r#"{"type":"message","room":"general","content":"Hello!"}"#)
        .await;
    clients[2].expect_silence().await;
    for (index, client) in clients.iter_mut().enumerate() {
        if index != 2 {
            client
                .expect_text(&message("general", sender, "Hello!"))
                .await;
        }
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn the_sender_never_gets_its_own_message() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(4).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client.join("general", index + 1).await;
    }
    for (index, client) in clients.iter_mut().enumerate() {
        for _ in index + 1..4 {
            client.next_text().await;
        }
    }
    // Many in one write, so that the shard gets them in runs.
    for client in &mut clients {
        let mut bytes = Vec::new();
        for number in 0..20 {
            let text = format!(r#"{{"type":"message","room":"general","content":{number}}}"#);
            bytes.extend(text_frame(&text));
        }
        client.send(&bytes).await;
    }
    for client in &mut clients {
        let own = server.id_of(client).await.to_string();
        for _ in 0..60 {
            let message = client.next_json().await;
            assert_eq!(message["type"], "message");
            assert_ne!(message["from"], own);
        }
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn content_is_any_json_value_and_arrives_unchanged() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    let values = [
        json!("tea \u{1f375}, \"quotes\" and \\ backslashes\n"),
        json!({"nested": [1, -2.5, null, true, {"deep": []}]}),
        json!(18_446_744_073_709_551_615_u64),
        json!(null),
        json!(""),
    ];
    for content in values {
        let command = json!({"type": "message", "room": "general", "content": content});
        first.send_text(&command.to_string()).await;
        assert_eq!(second.next_json().await["content"], content);
    }
}

#[tokio::test]
async fn test_multiple_rooms() {
    let server = TestServer::start_default().await;
    let (mut both, mut left, mut right) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    both.join("left", 1).await;
    both.join("right", 1).await;
    left.join("left", 2).await;
    right.join("right", 2).await;
    let (left_id, right_id) = (server.id_of(&left).await, server.id_of(&right).await);
    both.expect_text(&user_joined("left", left_id)).await;
    both.expect_text(&user_joined("right", right_id)).await;

    left.say("left", "to the left").await;
    both.expect_text(&message("left", left_id, "to the left"))
        .await;
    right.say("right", "to the right").await;
    both.expect_text(&message("right", right_id, "to the right"))
        .await;
    left.expect_silence().await;
    right.expect_silence().await;

    // Leaving one room does not affect the other.
    both.leave("left").await;
    right.say("right", "still there?").await;
    both.expect_text(&message("right", right_id, "still there?"))
        .await;
    let both_id = server.id_of(&both).await;
    left.expect_text(&user_left("left", both_id)).await;
    right.expect_silence().await;
}

#[tokio::test]
async fn test_user_join_notification() {
    let server = TestServer::start_default().await;
    let (mut first, mut second, mut stranger) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    stranger.join("other", 1).await;
    first.join("general", 1).await;
    second.join("general", 2).await;
    let id = server.id_of(&second).await;
    first.expect_text(&user_joined("general", id)).await;
    first.expect_silence().await;
    second.expect_silence().await;
    stranger.expect_silence().await;
}

#[tokio::test]
async fn test_user_leave_notification() {
    let server = TestServer::start_default().await;
    let (mut first, mut second, mut stranger) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    stranger.join("other", 1).await;
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    let id = server.id_of(&second).await;
    second.leave("general").await;
    first.expect_text(&user_left("general", id)).await;
    // The end of its connection is not announced in a room that it left before.
    second.close().await;
    first.expect_silence().await;
    stranger.expect_silence().await;
}

#[tokio::test]
async fn joining_twice_has_no_effect_and_is_announced_once() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    second.join("general", 2).await;
    let id = server.id_of(&second).await;
    first.expect_text(&user_joined("general", id)).await;
    first.expect_silence().await;
    // It is one membership: one message and one leave.
    first.say("general", "once").await;
    second.next_text().await;
    second.expect_silence().await;
    second.leave("general").await;
    first.expect_text(&user_left("general", id)).await;
    first.expect_silence().await;
    assert_eq!(server.get("/api/rooms").await["rooms"][0]["members"], 1);
}

#[tokio::test]
async fn an_empty_room_disappears() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    first.leave("general").await;
    second.next_text().await;
    assert_eq!(server.get("/api/rooms").await["total"], 1);
    second.close().await;
    eventually("an empty list of rooms", async || {
        server.get("/api/rooms").await == json!({"rooms": [], "total": 0, "next": null})
    })
    .await;
    // A new room of this name starts from the beginning.
    first.join("general", 1).await;
}
