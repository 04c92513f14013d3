//! Positions and resume requests: what a client receives when it subscribes again.

use std::time::Duration;

use serde_json::json;
use wavecast::WebSocketConfig;
use wavecast::history::HistoryLimits;

use crate::support::{
    Position, TestServer, eventually, expect_offsets, publish_offsets, subscribe_with,
    with_history, with_history_limits, without_history,
};

#[tokio::test]
async fn clients_that_do_not_ask_for_positions_receive_none() {
    let server = TestServer::start(with_history(10)).await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.join("general", 1).await;
    server.publish("news", "hello").await;
    let event = client.next_json().await;
    assert_eq!(event.as_object().unwrap().len(), 3, "{event}");
}

#[tokio::test]
async fn positions_start_at_the_newest_publication() {
    let server = TestServer::start(with_history(10)).await;
    publish_offsets(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"positions": true, "id": 7})).await;
    assert_eq!(answer["offset"], 3);
    assert_eq!(answer["id"], 7);
    assert_eq!(answer.get("recovered"), None, "{answer}");
    assert_eq!(answer.get("replayed"), None, "{answer}");
    publish_offsets(&server, "news", 4..=4).await;
    expect_offsets(&mut client, 4..=4).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn missed_publications_are_replayed_before_live_ones() {
    let server = TestServer::start(with_history(10)).await;
    let mut client = server.connect().await;
    let first =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    assert_eq!(first.offset, 0);
    client.reset();
    publish_offsets(&server, "news", 1..=4).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"since": first.since()})).await;
    assert_eq!(answer["recovered"], true);
    assert_eq!(answer["replayed"], 4);
    assert_eq!(Position::of(&answer).offset, 4);
    publish_offsets(&server, "news", 5..=5).await;
    expect_offsets(&mut client, 1..=5).await;
    // A client that has missed nothing is told so.
    let now = first.at(5);
    let answer = subscribe_with(&mut client, "news", json!({"since": now.since()})).await;
    assert_eq!(
        (&answer["recovered"], &answer["replayed"]),
        (&json!(true), &json!(0))
    );
    client.expect_silence().await;
}

#[tokio::test]
async fn a_channel_without_subscribers_keeps_its_history() {
    let server = TestServer::start(with_history(10)).await;
    publish_offsets(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"last": 2})).await;
    assert_eq!(answer["replayed"], 2, "{answer}");
    assert_eq!(answer.get("recovered"), None, "{answer}");
    expect_offsets(&mut client, 2..=3).await;
    let answer = subscribe_with(&mut client, "news", json!({"last": 99})).await;
    assert_eq!(answer["replayed"], 3, "{answer}");
    expect_offsets(&mut client, 1..=3).await;
    // Also if there is nothing, or none were requested.
    for (channel, last) in [("empty", 1), ("empty", 0), ("news", 0)] {
        let answer = subscribe_with(&mut client, channel, json!({"last": last})).await;
        assert_eq!(answer["replayed"], 0, "{answer}");
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_client_that_cannot_recover_is_told_why() {
    let server = TestServer::start(with_history(3)).await;
    publish_offsets(&server, "news", 1..=10).await;
    let mut client = server.connect().await;
    let newest =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    let at = |offset| newest.at(offset).since();
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
async fn a_channel_without_history_says_so_and_still_delivers() {
    let server = TestServer::start(without_history()).await;
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
async fn an_invalid_position_is_refused_and_the_connection_stays_open() {
    let server = TestServer::start(with_history(3)).await;
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
async fn a_channel_with_an_expired_history_still_knows_whether_anything_was_missed() {
    let config = with_history_limits(HistoryLimits {
        max_age: Duration::from_millis(40),
        ..HistoryLimits::default()
    });
    let server = TestServer::start(config).await;
    publish_offsets(&server, "news", 1..=3).await;
    let mut client = server.connect().await;
    let newest =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    client.reset();
    eventually("an expired history", async || {
        let page = server.get("/api/channels/news/history").await;
        page["items"].as_array().unwrap().is_empty()
    })
    .await;
    let mut client = server.connect().await;
    let answer = subscribe_with(&mut client, "news", json!({"since": newest.since()})).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    let before = newest.at(2);
    let answer = subscribe_with(&mut client, "news", json!({"since": before.since()})).await;
    assert_eq!(answer["reason"], "history_trimmed", "{answer}");
}

/// A server that soon forgets a topic that nobody uses.
fn with_short_memory() -> WebSocketConfig {
    let mut config = with_history_limits(HistoryLimits {
        max_age: Duration::from_millis(20),
        ..HistoryLimits::default()
    });
    config.history.position_ttl = Duration::from_millis(40);
    config
}

#[tokio::test]
async fn a_forgotten_position_does_not_match_the_next_numbering() {
    let server = TestServer::start(with_short_memory()).await;
    let mut client = server.connect().await;
    let unused =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    client.unsubscribe("news").await;
    // A topic without a publication is forgotten, and its numbering is the same afterwards.
    let again =
        Position::of(&subscribe_with(&mut client, "news", json!({"positions": true})).await);
    assert_eq!(unused, again);
    publish_offsets(&server, "news", 1..=2).await;
    expect_offsets(&mut client, 1..=2).await;
    client.unsubscribe("news").await;
    eventually("a forgotten topic", async || {
        server.get("/api/stats").await["history_bytes"] == 0
    })
    .await;
    let old = again.at(2);
    let answer = subscribe_with(&mut client, "news", json!({"since": old.since()})).await;
    assert_eq!(answer["reason"], "epoch_changed", "{answer}");
    assert_eq!(answer["offset"], 0, "{answer}");
}

#[tokio::test]
async fn the_numbering_of_a_quiet_topic_stays_the_same_when_another_is_forgotten() {
    let server = TestServer::start(with_short_memory()).await;
    let mut client = server.connect().await;
    let quiet =
        Position::of(&subscribe_with(&mut client, "quiet", json!({"positions": true})).await);
    publish_offsets(&server, "news", 1..=1).await;
    eventually("a forgotten topic", async || {
        server.get("/api/stats").await["history_bytes"] == 0
    })
    .await;
    let history = server.get("/api/channels/quiet/history").await;
    assert_eq!(
        (&history["epoch"], &history["offset"]),
        (&json!(quiet.epoch), &json!(0))
    );
    publish_offsets(&server, "quiet", 1..=1).await;
    let mut other = server.connect().await;
    let answer = subscribe_with(&mut other, "quiet", json!({"since": quiet.since()})).await;
    assert_eq!(
        (&answer["offset"], &answer["epoch"]),
        (&json!(1), &json!(quiet.epoch))
    );
    // By now the publication may have expired.
    assert_ne!(answer["reason"], "epoch_changed", "{answer}");
    expect_offsets(&mut client, 1..=1).await;
}
