//! Rooms: two-way, limited, announced.

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
    // A member who joins is not told of itself.
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
    // Who left may come back.
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
    // Many in one write, so that they reach the shard in runs.
    for client in &mut clients {
        let mut bytes = Vec::new();
        for number in 0..20 {
            let text = format!(r#"{{"type":"message","room":"general","content":{number}}}"#);
            bytes.extend(text_frame(&text));
        }
        client.send(&bytes).await;
    }
    for index in 0..4 {
        let own = server.id_of(&clients[index]).await.to_string();
        for _ in 0..60 {
            let message = clients[index].next_json().await;
            assert_eq!(message["type"], "message");
            assert_ne!(message["from"], own);
        }
        clients[index].expect_silence().await;
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
async fn test_room_limit() {
    let server = TestServer::start_default().await;
    let mut members = server.connect_many(100).await;
    for (index, client) in members.iter_mut().enumerate() {
        client.join("general", index + 1).await;
    }
    let mut late = server.connect().await;
    late.ask(
        r#"{"type":"join","room":"general"}"#,
        r#"{"type":"error","code":"room_full","message":"Room full","room":"general"}"#,
    )
    .await;
    // A refusal leaves nothing behind, is told to nobody, and other rooms are open.
    members[99].expect_silence().await;
    late.join("other", 1).await;
    assert_eq!(server.get("/api/rooms").await["rooms"][0]["members"], 100);
    // A member who joins again is no 101st.
    members[99].join("general", 100).await;
    members[99].leave("general").await;
    late.join("general", 100).await;
}

#[tokio::test]
async fn a_room_of_configured_size_holds_just_as_many() {
    let server = TestServer::start(config(|config| config.max_clients_per_room = 2)).await;
    let mut clients = server.connect_many(3).await;
    clients[0].join("small", 1).await;
    clients[1].join("small", 2).await;
    clients[2]
        .ask(
            r#"{"type":"join","room":"small","id":3}"#,
            r#"{"type":"error","code":"room_full","message":"Room full","room":"small","id":3}"#,
        )
        .await;
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

    // Leaving one room says nothing about the other.
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
    // Its end says nothing more about a room it had left.
    second.close().await;
    first.expect_silence().await;
    stranger.expect_silence().await;
}

#[tokio::test]
async fn joining_twice_is_harmless_and_announced_once() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    second.join("general", 2).await;
    let id = server.id_of(&second).await;
    first.expect_text(&user_joined("general", id)).await;
    first.expect_silence().await;
    // One membership, so one message and one leave.
    first.say("general", "once").await;
    second.next_text().await;
    second.expect_silence().await;
    second.leave("general").await;
    first.expect_text(&user_left("general", id)).await;
    first.expect_silence().await;
    assert_eq!(server.get("/api/rooms").await["rooms"][0]["members"], 1);
}

#[tokio::test]
async fn leaving_a_room_one_is_not_in_is_an_error() {
    let server = TestServer::start_default().await;
    let (mut member, mut stranger) = (server.connect().await, server.connect().await);
    let refusal =
        r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"general"}"#;
    let command = r#"{"type":"leave","room":"general"}"#;
    stranger.ask(command, refusal).await;
    member.join("general", 1).await;
    stranger.ask(command, refusal).await;
    member.leave("general").await;
    member.ask(command, refusal).await;
    member.expect_silence().await;
}

#[tokio::test]
async fn a_message_to_a_room_not_joined_is_refused() {
    let server = TestServer::start_default().await;
    let (mut member, mut stranger) = (server.connect().await, server.connect().await);
    let refusal = r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"general","id":"m1"}"#;
    let command = r#"{"type":"message","room":"general","content":"psst","id":"m1"}"#;
    stranger.ask(command, refusal).await;
    member.join("general", 1).await;
    stranger.ask(command, refusal).await;
    member.expect_silence().await;
    // Not even of what was a membership once.
    stranger.join("general", 2).await;
    member.next_text().await;
    stranger.leave("general").await;
    member.next_text().await;
    stranger.ask(command, refusal).await;
    member.expect_silence().await;
}

#[tokio::test]
async fn names_that_break_the_rules_are_refused() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let long = "x".repeat(201);
    for name in ["", &long, "a\u{7f}b", "line\nbreak", "$all"] {
        let command = json!({"type": "join", "room": name});
        client.send_text(&command.to_string()).await;
        let answer = json!({"type": "error", "code": "invalid_room", "message": "Invalid room", "room": name});
        client.expect_json(answer).await;
    }
    client.join(&"x".repeat(200), 1).await;
    client.join("日本語 and spaces", 1).await;
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
    eventually("no room", async || {
        server.get("/api/rooms").await == json!({"rooms": [], "total": 0, "next": null})
    })
    .await;
    // A new room of this name starts anew.
    first.join("general", 1).await;
}

#[tokio::test]
async fn a_client_may_be_in_as_many_topics_as_configured() {
    let server = TestServer::start(config(|config| config.max_topics_per_client = 2)).await;
    let mut client = server.connect().await;
    client.join("one", 1).await;
    client.subscribe("two").await;
    client
        .ask(
            r#"{"type":"join","room":"three"}"#,
            r#"{"type":"error","code":"too_many_topics","message":"Too many rooms and channels","room":"three"}"#,
        )
        .await;
    assert_eq!(server.get("/api/rooms").await["total"], 1);
    client.leave("one").await;
    client.join("three", 1).await;
}
