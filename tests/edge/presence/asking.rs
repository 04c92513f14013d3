//! Asking who is present, over a connection.

use serde_json::json;

use super::{AT_ONCE, present, start, watch};
use crate::support::TestServer;

#[tokio::test]
async fn a_question_is_answered_with_users_numbers_or_connections() {
    let server = start(AT_ONCE).await;
    let (mut ada, mut nobody) = (server.connect_as("ada").await, server.connect().await);
    nobody.subscribe("c").await;
    ada.ask(
        r#"{"type":"presence","channel":"c","id":9}"#,
        r#"{"type":"presence","channel":"c","users":0,"connections":1,"anonymous":1,"members":[],"id":9}"#,
    )
    .await;
    ada.subscribe("c").await;
    ada.ask(
        r#"{"type":"presence","channel":"c","id":9}"#,
        r#"{"type":"presence","channel":"c","users":1,"connections":2,"anonymous":1,"members":[{"user":"ada"}],"id":9}"#,
    )
    .await;
    ada.ask(
        r#"{"type":"presence","channel":"c","counts":true}"#,
        r#"{"type":"presence","channel":"c","users":1,"connections":2,"anonymous":1}"#,
    )
    .await;
    ada.ask(
        r#"{"type":"presence","channel":"c","by":"user"}"#,
        r#"{"type":"presence","channel":"c","users":1,"connections":2,"anonymous":1,"members":[{"user":"ada"}]}"#,
    )
    .await;
    ada.send_text(r#"{"type":"presence","channel":"c","by":"connection"}"#)
        .await;
    let mut answer = ada.next_json().await;
    let members = answer["members"].as_array_mut().unwrap();
    members.sort_by_key(|member| member["user"].is_null());
    let since = [0, 1].map(|index| members[index]["since"].take());
    for (client, since) in [&ada, &nobody].into_iter().zip(since) {
        assert_eq!(since, server.connection_of(client).await["since"]);
    }
    let (ada_id, nobody_id) = (server.id_of(&ada).await, server.id_of(&nobody).await);
    assert_eq!(
        answer,
        json!({
            "type": "presence", "channel": "c", "users": 1, "connections": 2, "anonymous": 1,
            "members": [
                {"client": ada_id, "user": "ada", "since": null},
                {"client": nobody_id, "since": null},
            ],
        })
    );
    ada.ask(
        r#"{"type":"presence","channel":"c","by":"colour"}"#,
        r#"{"type":"error","code":"missing_field","message":"Missing field","field":"by"}"#,
    )
    .await;
}

#[tokio::test]
async fn an_empty_channel_has_nobody() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    ada.ask(
        r#"{"type":"presence","channel":"empty"}"#,
        r#"{"type":"presence","channel":"empty","users":0,"connections":0,"anonymous":0,"members":[]}"#,
    )
    .await;
}

#[tokio::test]
async fn without_a_rule_no_presence_is_kept() {
    let server = TestServer::start_default().await;
    let mut ada = server.connect().await;
    let refused =
        r#"{"type":"error","code":"no_presence","message":"No presence is kept","channel":"c"}"#;
    ada.ask(r#"{"type":"presence","channel":"c"}"#, refused)
        .await;
    ada.ask(
        r#"{"type":"subscribe","channel":"c","presence":true}"#,
        refused,
    )
    .await;
    // It is not subscribed then.
    assert_eq!(server.publish("c", "hello").await, 0);
    ada.subscribe("c").await;
    ada.join("r", 1).await;
    for command in [
        r#"{"type":"presence","room":"r"}"#,
        r#"{"type":"join","room":"r","presence":true}"#,
    ] {
        let refused =
            r#"{"type":"error","code":"no_presence","message":"No presence is kept","room":"r"}"#;
        ada.ask(command, refused).await;
    }
    for path in ["/api/channels/c/presence", "/api/rooms/r/presence"] {
        let answer = server.http("GET", path, None).await;
        answer.expect_problem(409, "no_presence");
    }
}

#[tokio::test]
async fn the_servers_own_channels_keep_none() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    for (channel, code) in [
        ("$user:ada", "no_presence"),
        ("$all", "no_presence"),
        ("$user:bob", "forbidden"),
    ] {
        let path = format!("/api/channels/{channel}/presence");
        let answer = server.http("GET", &path, None).await;
        answer.expect_problem(409, "no_presence");
        for command in ["presence", "subscribe"] {
            let command = json!({"type": command, "channel": channel, "presence": true});
            ada.send_text(&command.to_string()).await;
            assert_eq!(ada.next_json().await["code"], code, "{command}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_in_order_with_the_announcements() {
    let server = start(AT_ONCE).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    for round in 0..50 {
        let mut ada = server.connect_as("ada").await;
        eve.send_text(r#"{"type":"presence","channel":"c","id":1}"#)
            .await;
        ada.subscribe("c").await;
        let (mut listed, mut answered) = (false, false);
        while !(listed && answered) {
            let next = eve.next_json().await;
            let users = next["members"].as_array().or(next["joined"].as_array());
            if next["id"] == 1 {
                answered = true;
                listed = users.unwrap().len() == 2;
            } else {
                listed = users.unwrap().len() == 1;
            }
        }
        ada.unsubscribe("c").await;
        loop {
            let next = eve.next_json().await;
            if next["left"] == json!(["ada"]) {
                break;
            }
            assert_eq!(next["joined"], json!([{"user": "ada"}]), "{round}");
        }
    }
}

#[tokio::test]
async fn a_room_answers_its_members_only() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    ada.ask(
        r#"{"type":"presence","room":"r"}"#,
        r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"r"}"#,
    )
    .await;
    ada.join("r", 1).await;
    ada.send_text(r#"{"type":"presence","room":"r"}"#).await;
    let answer = ada.next_json().await;
    assert_eq!(answer["members"], present(&["ada"], 1, 0)["members"]);
    assert_eq!(answer["room"], "r");
}
