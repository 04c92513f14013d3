//! What rooms refuse: too many members, invalid names, commands of clients that are not
//! members.

use serde_json::json;

use crate::support::{TestServer, config};

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
    // A refusal changes nothing, nobody is told of it, and other rooms are open.
    members[99].expect_silence().await;
    late.join("other", 1).await;
    assert_eq!(server.get("/api/rooms").await["rooms"][0]["members"], 100);
    // A member that joins again does not count twice.
    members[99].join("general", 100).await;
    members[99].leave("general").await;
    late.join("general", 100).await;
}

#[tokio::test]
async fn the_limit_of_members_is_configurable() {
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
async fn leaving_a_room_as_a_non_member_is_an_error() {
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
async fn a_message_from_a_non_member_is_refused() {
    let server = TestServer::start_default().await;
    let (mut member, mut stranger) = (server.connect().await, server.connect().await);
    let refusal = r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"general","id":"m1"}"#;
    let command = r#"{"type":"message","room":"general","content":"psst","id":"m1"}"#;
    stranger.ask(command, refusal).await;
    member.join("general", 1).await;
    stranger.ask(command, refusal).await;
    member.expect_silence().await;
    // A former member is refused, too.
    stranger.join("general", 2).await;
    member.next_text().await;
    stranger.leave("general").await;
    member.next_text().await;
    stranger.ask(command, refusal).await;
    member.expect_silence().await;
}

#[tokio::test]
async fn invalid_room_names_are_refused() {
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
async fn the_limit_of_rooms_and_channels_per_client_is_configurable() {
    let server = TestServer::start(config(|config| config.limits.topics_per_client = 2)).await;
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

#[tokio::test]
async fn the_limit_of_rooms_and_channels_in_all_is_configurable() {
    let server = TestServer::start(config(|config| config.limits.topics = 2)).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.join("one", 1).await;
    client.subscribe("two").await;
    let refusal = r#"{"type":"error","code":"too_many_topics","message":"Too many rooms and channels","room":"three"}"#;
    let join = r#"{"type":"join","room":"three"}"#;
    for client in [&mut client, &mut other] {
        client.ask(join, refusal).await;
    }
    // What exists may have more members, and what was refused has left nothing behind.
    other.subscribe("two").await;
    assert_eq!(server.get("/api/rooms").await["total"], 1);
    client.leave("one").await;
    other.join("three", 1).await;
}
