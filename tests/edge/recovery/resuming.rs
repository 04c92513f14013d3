//! Positions and replays: what a client that comes back gets.

use serde_json::{Value, json};
use wavecast::WebSocketConfig;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::support::{Client, TestServer, config};

/// Every room and channel keeps so many publications.
pub fn remembering(max_messages: usize) -> WebSocketConfig {
    config(|config| {
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits {
                max_messages,
                max_bytes: 64 * 1024 * 1024,
                ..HistoryLimits::default()
            }),
            ..TopicOptions::default()
        });
    })
}

/// Where a topic stands, as an answer says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    pub offset: u64,
    pub epoch: String,
}

impl Position {
    pub fn of(answer: &Value) -> Self {
        Self {
            offset: answer["offset"]
                .as_u64()
                .unwrap_or_else(|| panic!("{answer}")),
            epoch: answer["epoch"].as_str().expect("an epoch").to_owned(),
        }
    }

    pub fn since(&self) -> Value {
        json!({"offset": self.offset, "epoch": self.epoch})
    }
}

/// Subscribes with further fields and returns the answer.
pub async fn subscribe_with(client: &mut Client, channel: &str, fields: Value) -> Value {
    let mut command = json!({"type": "subscribe", "channel": channel});
    let object = command.as_object_mut().unwrap();
    object.extend(fields.as_object().unwrap().clone());
    client.send_text(&command.to_string()).await;
    let answer = client.next_json().await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    answer
}

/// Expects the events `offset 1`, `offset 2`, … in this range, each with its offset.
pub async fn expect_offsets(client: &mut Client, offsets: std::ops::RangeInclusive<u64>) {
    for offset in offsets {
        let event = client.next_json().await;
        assert_eq!(event["offset"], offset, "{event}");
        assert_eq!(event["data"]["message"], format!("{offset}"), "{event}");
    }
}

/// Publishes events that hold their own offsets.
pub async fn publish(server: &TestServer, channel: &str, offsets: std::ops::RangeInclusive<u64>) {
    for offset in offsets {
        server.publish(channel, &offset.to_string()).await;
    }
}

#[tokio::test]
async fn without_being_asked_the_server_says_nothing_of_positions() {
    let server = TestServer::start(remembering(10)).await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.join("general", 1).await;
    server.publish("news", "hello").await;
    let event = client.next_json().await;
    assert_eq!(event.as_object().unwrap().len(), 3, "{event}");
}

#[tokio::test]
async fn positions_begin_at_the_newest_publication() {
    let server = TestServer::start(remembering(10)).await;
    publish(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"positions": true, "id": 7})).await;
    assert_eq!(answer["offset"], 3);
    assert_eq!(answer["id"], 7);
    assert_eq!(answer.get("recovered"), None, "{answer}");
    assert_eq!(answer.get("replayed"), None, "{answer}");
    publish(&server, "news", 4..=4).await;
    expect_offsets(&mut client, 4..=4).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn what_was_missed_is_replayed_before_what_is_live() {
    let server = TestServer::start(remembering(10)).await;
    let mut client = server.connect().await;
    let first =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    assert_eq!(first.offset, 0);
    client.reset();
    publish(&server, "news", 1..=4).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"since": first.since()})).await;
    assert_eq!(answer["recovered"], true);
    assert_eq!(answer["replayed"], 4);
    assert_eq!(Position::of(&answer).offset, 4);
    publish(&server, "news", 5..=5).await;
    expect_offsets(&mut client, 1..=5).await;
    // Nothing missed is an answer, too.
    let now = Position { offset: 5, ..first };
    let answer = subscribe_with(&mut client, "news", json!({"since": now.since()})).await;
    assert_eq!(
        (&answer["recovered"], &answer["replayed"]),
        (&json!(true), &json!(0))
    );
    client.expect_silence().await;
}

#[tokio::test]
async fn a_channel_that_nobody_hears_remembers() {
    let server = TestServer::start(remembering(10)).await;
    publish(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"last": 2})).await;
    assert_eq!(answer["replayed"], 2, "{answer}");
    assert_eq!(answer.get("recovered"), None, "{answer}");
    expect_offsets(&mut client, 2..=3).await;
    let answer = subscribe_with(&mut client, "news", json!({"last": 99})).await;
    assert_eq!(answer["replayed"], 3, "{answer}");
    expect_offsets(&mut client, 1..=3).await;
}

#[tokio::test]
async fn what_cannot_be_recovered_is_said_with_its_reason() {
    let server = TestServer::start(remembering(3)).await;
    publish(&server, "news", 1..=10).await;
    let mut client = server.connect().await;
    let newest =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    let at = |offset| {
        Position {
            offset,
            ..newest.clone()
        }
        .since()
    };
    let elsewhere = json!({"offset": 9, "epoch": "another"});
    for (since, reason) in [
        (at(6), "history_trimmed"),
        (at(11), "offset_ahead"),
        (elsewhere, "epoch_changed"),
    ] {
        let answer = subscribe_with(&mut client, "news", json!({"since": since})).await;
        assert_eq!(answer["recovered"], false, "{answer}");
        assert_eq!(answer["reason"], reason, "{answer}");
        assert_eq!(answer["replayed"], 0, "{answer}");
        assert_eq!(Position::of(&answer), newest);
    }
    let answer = subscribe_with(&mut client, "news", json!({"since": at(2), "last": 2})).await;
    assert_eq!(
        (&answer["recovered"], &answer["replayed"]),
        (&json!(false), &json!(2))
    );
    expect_offsets(&mut client, 9..=10).await;
    let answer = subscribe_with(&mut client, "news", json!({"since": at(7)})).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    expect_offsets(&mut client, 8..=10).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn a_channel_without_history_says_so_and_still_works() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"news","since":{"offset":1,"epoch":"e"}}"#,
            r#"{"type":"subscribed","channel":"news","recovered":false,"reason":"no_history"}"#,
        )
        .await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"$all","last":3}"#,
            r#"{"type":"subscribed","channel":"$all"}"#,
        )
        .await;
    server.publish("news", "hello").await;
    client.expect_event("news", "hello").await;
    client
        .ask(
            r#"{"type":"history","channel":"news","id":1}"#,
            r#"{"type":"error","code":"no_history","message":"No history is kept","channel":"news","id":1}"#,
        )
        .await;
}

#[tokio::test]
async fn a_position_that_is_none_is_refused_and_the_connection_stays() {
    let server = TestServer::start(remembering(3)).await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"news","since":41,"id":"x"}"#,
            r#"{"type":"error","code":"invalid_position","message":"Invalid position","field":"since","id":"x"}"#,
        )
        .await;
    client.expect_silence().await;
    server.publish("news", "1").await;
    client.expect_silence().await;
}

#[tokio::test]
async fn an_empty_channel_still_says_that_nothing_was_missed() {
    let mut config = remembering(10);
    let limits = HistoryLimits {
        max_age: std::time::Duration::from_millis(40),
        ..HistoryLimits::default()
    };
    config.topics = TopicRules::all(TopicOptions {
        history: Some(limits),
        ..TopicOptions::default()
    });
    let server = TestServer::start(config).await;
    publish(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let newest =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    client.reset();
    crate::support::eventually("an expired history", async || {
        let page = server.get("/api/channels/news/history").await;
        page["items"].as_array().unwrap().is_empty()
    })
    .await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"since": newest.since()})).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    let before = Position {
        offset: 2,
        ..newest
    };
    let answer = subscribe_with(&mut client, "news", json!({"since": before.since()})).await;
    assert_eq!(answer["reason"], "history_trimmed", "{answer}");
}

#[tokio::test]
async fn a_position_that_was_forgotten_never_fits_the_next_life() {
    let mut config = remembering(10);
    config.retention.position_ttl = std::time::Duration::from_millis(40);
    let limits = HistoryLimits {
        max_age: std::time::Duration::from_millis(20),
        ..HistoryLimits::default()
    };
    config.topics = TopicRules::all(TopicOptions {
        history: Some(limits),
        ..TopicOptions::default()
    });
    let server = TestServer::start(config).await;
    let mut client = server.connect().await;
    let blank =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    client.unsubscribe("news").await;
    // A topic without a publication is forgotten and comes back as the same.
    let again =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    assert_eq!(blank, again);
    publish(&server, "news", 1..=2).await;
    expect_offsets(&mut client, 1..=2).await;
    client.unsubscribe("news").await;
    crate::support::eventually("a forgotten topic", async || {
        server.get("/api/stats").await["history_bytes"] == 0
    })
    .await;
    let old = Position { offset: 2, ..again };
    let answer = subscribe_with(&mut client, "news", json!({"since": old.since()})).await;
    assert_eq!(answer["reason"], "epoch_changed", "{answer}");
    assert_eq!(answer["offset"], 0, "{answer}");
}

#[tokio::test]
async fn rooms_recover_messages_and_not_the_comings_and_goings() {
    let server = TestServer::start(remembering(100)).await;
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
async fn the_acknowledgement_of_a_message_stands_in_its_place() {
    let server = TestServer::start(remembering(1000)).await;
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

#[tokio::test]
async fn a_user_recovers_what_was_sent_to_it() {
    let mut config = remembering(10);
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
