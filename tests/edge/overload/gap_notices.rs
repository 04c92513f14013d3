//! Publications that are dropped for a client that does not read, by the policy of their
//! channel, and the gap notices that say so.

use serde_json::{Value, json};
use wavecast::history::HistoryLimits;
use wavecast::hub::{Overflow, TopicOptions, TopicRules};
use wavecast::protocol::TopicKind;

use crate::support::{Client, TestServer, config, within_a_minute};

const EVENTS: u64 = 400;

async fn server() -> TestServer {
    let options = |overflow, history: bool| TopicOptions {
        overflow,
        history: history.then(HistoryLimits::default),
        ..TopicOptions::default()
    };
    let rules = TopicRules::default()
        .with(
            TopicKind::Channel,
            "feed",
            options(Overflow::DropOldest, true),
        )
        .with(
            TopicKind::Channel,
            "ticker",
            options(Overflow::LatestOnly, true),
        )
        .with(
            TopicKind::Channel,
            "unnumbered",
            options(Overflow::DropOldest, false),
        );
    TestServer::start(config(|config| {
        config.topics = rules;
        config.outbox.messages = 16;
        config.outbox.bytes = 64 * 1024 * 1024;
    }))
    .await
}

async fn subscribe(client: &mut Client, channel: &str) {
    let command = json!({"type": "subscribe", "channel": channel, "positions": true});
    client.send_text(&command.to_string()).await;
    let reply = client.next_json().await;
    assert_eq!(reply["type"], "subscribed", "{reply}");
}

/// Publishes these numbers to a client that reads everything in order, and to one that does
/// not read.
async fn publish(
    edge: &TestServer,
    channel: &str,
    healthy: &mut Client,
    numbers: std::ops::Range<u64>,
) {
    let padding = "x".repeat(20_000);
    for number in numbers {
        let data = json!({"number": number, "padding": padding});
        edge.publish_data(channel, &data).await;
        assert_eq!(healthy.next_json().await["data"]["number"], number);
    }
}

/// What a client received from one channel: every event up to the last, in order, or a notice
/// that it is missing.
#[derive(Debug, Default)]
struct Tally {
    events: u64,
    missed: u64,
    notices: u64,
    others: Vec<Value>,
}

impl Tally {
    async fn read(client: &mut Client, last: u64) -> Self {
        let mut tally = Self::default();
        let mut next = 0;
        within_a_minute("every event or its notice", async {
            while next <= last {
                let text = client.next_json().await;
                if text["type"] == "gap" {
                    let missed = text["missed"].as_u64().expect("a count");
                    if let Some(from) = text["from"].as_u64() {
                        // The first event has number 0 and offset 1.
                        assert_eq!(from, next + 1, "{text}");
                        assert_eq!(text["to"], next + missed, "{text}");
                    }
                    tally.missed += missed;
                    tally.notices += 1;
                    next += missed;
                } else if text["type"] == "event" {
                    assert_eq!(
                        text["data"]["number"], next,
                        "in order, without a silent gap"
                    );
                    if let Some(offset) = text["offset"].as_u64() {
                        assert_eq!(offset, next + 1);
                    }
                    tally.events += 1;
                    next += 1;
                } else {
                    tally.others.push(text);
                }
            }
        })
        .await;
        assert_eq!(next, last + 1);
        assert_eq!(tally.events + tally.missed, last + 1);
        tally
    }
}

#[tokio::test]
async fn drop_oldest_counts_every_dropped_event_and_does_not_evict() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("feed").await;
    let mut stalled = Client::connect_with_small_buffer(edge.address).await;
    subscribe(&mut stalled, "feed").await;
    publish(&edge, "feed", &mut healthy, 0..EVENTS / 2).await;
    // A command in between is answered.
    stalled.send_text(r#"{"type":"ping","id":"mine"}"#).await;
    publish(&edge, "feed", &mut healthy, EVENTS / 2..EVENTS).await;
    let tally = Tally::read(&mut stalled, EVENTS - 1).await;
    println!("{tally:?}");
    assert!(tally.missed > 0 && tally.events >= 10, "{tally:?}");
    assert_eq!(tally.notices, 1, "notices are merged while they wait");
    assert_eq!(tally.others, [json!({"type": "pong", "id": "mine"})]);
    publish(&edge, "feed", &mut healthy, EVENTS..EVENTS + 1).await;
    assert_eq!(stalled.next_json().await["offset"], EVENTS + 1);
    let metrics = edge.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
    healthy.expect_silence().await;
    stalled.expect_silence().await;
}

#[tokio::test]
async fn drop_oldest_counts_dropped_events_without_positions() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("unnumbered").await;
    let mut stalled = Client::connect_with_small_buffer(edge.address).await;
    stalled.subscribe("unnumbered").await;
    publish(&edge, "unnumbered", &mut healthy, 0..EVENTS).await;
    let tally = Tally::read(&mut stalled, EVENTS - 1).await;
    assert!(tally.missed > 0 && tally.notices == 1, "{tally:?}");
}

#[tokio::test]
async fn latest_only_keeps_the_newest_event_and_counts_the_others() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("ticker").await;
    let mut stalled = Client::connect_with_small_buffer(edge.address).await;
    subscribe(&mut stalled, "ticker").await;
    publish(&edge, "ticker", &mut healthy, 0..EVENTS).await;
    let waiting = edge.connection_of(&stalled).await;
    // One that is partly written, the notice, and the newest.
    assert!(
        waiting["queued_messages"].as_u64().unwrap() <= 3,
        "{waiting}"
    );
    let tally = Tally::read(&mut stalled, EVENTS - 1).await;
    assert!(tally.missed > 0 && tally.notices == 1, "{tally:?}");
    stalled.expect_silence().await;
    let metrics = edge.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
}

#[tokio::test]
async fn a_client_that_reads_receives_every_event_of_a_batch() {
    let edge = server().await;
    let mut client = edge.connect().await;
    subscribe(&mut client, "ticker").await;
    let events = (0..16).map(|number| json!({"channel": "ticker", "data": {"number": number}}));
    let batch = json!({"events": events.collect::<Vec<_>>()});
    let answer = edge.post("/api/events/batch", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tally = Tally::read(&mut client, 15).await;
    assert_eq!((tally.events, tally.missed), (16, 0));
}
