//! Rooms: notices about users, and presence beside them.

use serde_json::{Value, json};

use super::{AT_ONCE, start};
use crate::support::{TestServer, config};

#[tokio::test]
async fn a_room_is_told_of_the_first_and_the_last_connection_of_a_user() {
    for keeps_presence in [false, true] {
        let server = if keeps_presence {
            start(AT_ONCE).await
        } else {
            TestServer::start(config(|config| config.trust_user_parameter = true)).await
        };
        let mut eve = server.connect_as("eve").await;
        eve.join("r", 1).await;
        let mut first = server.connect_as("ada").await;
        let mut second = server.connect_as("ada").await;
        first.join("r", 2).await;
        eve.expect_text(r#"{"type":"user_joined","room":"r","user_id":"ada"}"#)
            .await;
        second.join("r", 3).await;
        first.leave("r").await;
        first.join("r", 3).await;
        first.close().await;
        eve.expect_silence().await;
        second.expect_silence().await;
        second.leave("r").await;
        eve.expect_text(r#"{"type":"user_left","room":"r","user_id":"ada"}"#)
            .await;
        // Again from the beginning.
        second.join("r", 2).await;
        eve.expect_text(r#"{"type":"user_joined","room":"r","user_id":"ada"}"#)
            .await;
        second.reset();
        eve.expect_text(r#"{"type":"user_left","room":"r","user_id":"ada"}"#)
            .await;
    }
}

#[tokio::test]
async fn connections_without_a_user_are_announced_each() {
    let server = TestServer::start_default().await;
    let mut witness = server.connect().await;
    witness.join("r", 1).await;
    let mut clients = server.connect_many(2).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client.join("r", index + 2).await;
        assert_eq!(witness.next_json().await["type"], "user_joined");
    }
    for client in clients {
        client.reset();
        assert_eq!(witness.next_json().await["type"], "user_left");
    }
}

#[tokio::test]
async fn a_room_with_presence_has_the_same_announcements_beside_its_notices() {
    let server = start(AT_ONCE).await;
    let mut eve = server.connect_as("eve").await;
    eve.ask(
        r#"{"type":"join","room":"r","presence":true}"#,
        r#"{"type":"joined","room":"r","members":1,"presence":{"users":1,"connections":1,"anonymous":0,"members":[{"user":"eve"}]}}"#,
    )
    .await;
    let mut ada = server.connect_as("ada").await;
    ada.join("r", 2).await;
    let both = [eve.next_json().await, eve.next_json().await];
    let announced = json!({
        "type": "presence", "room": "r", "joined": [{"user": "ada"}], "left": [],
        "users": 2, "connections": 2, "anonymous": 0,
    });
    assert!(both.contains(&announced), "{both:?}");
    let notice: Vec<&Value> = both
        .iter()
        .filter(|message| message["type"] == "user_joined")
        .collect();
    assert_eq!(notice.len(), 1, "{both:?}");
    ada.expect_silence().await;
}

#[tokio::test]
async fn leaving_a_room_is_announced_at_once_although_presence_lingers() {
    let server = start(wavecast::PresenceOptions::default()).await;
    let mut eve = server.connect_as("eve").await;
    eve.join("r", 1).await;
    let mut ada = server.connect_as("ada").await;
    ada.join("r", 2).await;
    eve.expect_text(r#"{"type":"user_joined","room":"r","user_id":"ada"}"#)
        .await;
    ada.leave("r").await;
    eve.expect_text(r#"{"type":"user_left","room":"r","user_id":"ada"}"#)
        .await;
    let page = server.get("/api/rooms/r/presence").await;
    assert_eq!(page["users"], 2, "{page}");
    // And so is coming back, though it was never away for those who watch.
    ada.join("r", 2).await;
    eve.expect_text(r#"{"type":"user_joined","room":"r","user_id":"ada"}"#)
        .await;
}
