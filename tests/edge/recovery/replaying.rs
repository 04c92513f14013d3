//! Long replays: bounded in memory, seamless with live publications, honest about losses.

use serde_json::json;

use crate::support::{Client, Position, TestServer, subscribe_with, with_history};

#[tokio::test]
async fn a_long_replay_to_a_slow_reader_keeps_within_its_outbox_and_delays_nobody() {
    let mut config = with_history(10_000);
    config.outbox.bytes = 128 * 1024;
    config.outbox.messages = 64;
    let server = TestServer::start(config).await;
    let mut first = server.connect().await;
    let start = Position::of(&subscribe_with(&mut first, "news", json!({"positions": true})).await);
    first.reset();
    let padding = "x".repeat(2_000);
    // 4 MB, thirty times the outbox.
    for number in 1..=2_000 {
        let data = json!({"number": number, "padding": padding});
        server.publish_data("news", &data).await;
    }
    let mut slow = Client::connect_with_small_buffer(server.address).await;
    let answer = subscribe_with(&mut slow, "news", json!({"since": start.since()})).await;
    assert_eq!(answer["replayed"], 2_000, "{answer}");
    // It does not read. Another client still receives new publications at once.
    let mut healthy = server.connect().await;
    healthy.subscribe("news").await;
    for number in 2_001..=2_100 {
        let data = json!({"number": number, "padding": padding});
        server.publish_data("news", &data).await;
        assert_eq!(healthy.next_json().await["data"]["number"], number);
    }
    let queued = server.connection_of(&slow).await;
    assert!(
        queued["queued_bytes"].as_u64().unwrap() <= 128 * 1024,
        "{queued}"
    );
    let mut position = start;
    while position.offset < 2_100 {
        position.follow(&slow.next_json().await);
    }
    slow.expect_silence().await;
    let metrics = server.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
    assert_eq!(metrics.replayed_total.get(), 2_100);
    // The replay is over; live publications follow.
    let data = json!({"number": 2_101, "padding": ""});
    server.publish_data("news", &data).await;
    position.follow(&slow.next_json().await);
}

#[tokio::test]
async fn a_replay_whose_history_is_trimmed_says_which_publications_are_missing() {
    let mut config = with_history(200);
    config.outbox.messages = 16;
    let server = TestServer::start(config).await;
    let mut slow = Client::connect_with_small_buffer(server.address).await;
    let mut position =
        Position::of(&subscribe_with(&mut slow, "news", json!({"positions": true})).await);
    slow.unsubscribe("news").await;
    let padding = "x".repeat(10_000);
    let publish = async |numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            let data = json!({"number": number, "padding": padding});
            server.publish_data("news", &data).await;
        }
    };
    publish(1..=200).await;
    let answer = subscribe_with(&mut slow, "news", json!({"since": position.since()})).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    publish(201..=600).await;
    let (mut received, mut lost) = (0, 0);
    while position.offset < 600 {
        let next = slow.next_json().await;
        if next["type"] == "gap" {
            assert_eq!(next["channel"], "news");
            assert_eq!(next["from"], position.offset + 1, "{next}");
            let to = next["to"].as_u64().unwrap();
            assert_eq!(next["missed"], to - position.offset, "{next}");
            lost += to - position.offset;
            position.offset = to;
        } else {
            position.follow(&next);
            received += 1;
        }
    }
    assert_eq!(received + lost, 600);
    assert!(
        lost > 0 && received >= 200,
        "{received} received, {lost} lost"
    );
    slow.expect_silence().await;
}

#[tokio::test]
async fn a_replay_of_any_length_ends_where_live_publications_begin() {
    let mut config = with_history(1000);
    // The replay is read in pages of four.
    config.outbox.messages = 16;
    let server = TestServer::start(config).await;
    let mut reader = server.connect().await;
    let answer = subscribe_with(&mut reader, "news", json!({"positions": true})).await;
    let start = Position::of(&answer);
    for length in 1..=13 {
        let data = json!({"number": length});
        server.publish_data("news", &data).await;
        start.at(length - 1).follow(&reader.next_json().await);
        let mut client = server.connect().await;
        let answer = subscribe_with(&mut client, "news", json!({"since": start.since()})).await;
        assert_eq!(answer["replayed"], length, "{answer}");
        let mut position = start.clone();
        for _ in 0..length {
            position.follow(&client.next_json().await);
        }
        client.expect_silence().await;
    }
}
