//! What a client that does not read loses by its channel's policy, and is told of.

use serde_json::{Value, json};
use wavecast::history::HistoryLimits;
use wavecast::hub::{Overflow, TopicKind, TopicOptions, TopicRules};

use super::slow_consumer::connect_narrow;
use crate::support::{Client, TestServer, config};

const EVENTS: u64 = 400;

async fn server() -> TestServer {
    let options = |overflow, history: bool| TopicOptions {
        overflow,
        history: history.then(HistoryLimits::default),
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
        config.outbox_messages = 16;
        config.outbox_bytes = 64 * 1024 * 1024;
    }))
    .await
}

async fn subscribe(client: &mut Client, channel: &str) {
    let command = json!({"type": "subscribe", "channel": channel, "positions": true});
    client.send_text(&command.to_string()).await;
    let reply = client.next_json().await;
    assert_eq!(reply["type"], "subscribed", "{reply}");
}

/// Publishes while one reads along, and gets everything in order, and one does not.
async fn publish(
    edge: &TestServer,
    channel: &str,
    healthy: &mut Client,
    numbers: std::ops::Range<u64>,
) {
    let padding = "x".repeat(20_000);
    for number in numbers {
        let data = json!({"number": number, "padding": padding});
        edge.server.publish(channel, &data).await.expect("publish");
        assert_eq!(healthy.next_json().await["data"]["number"], number);
    }
}

/// What came of one channel: every event or a notice of it, in order, up to the last.
#[derive(Debug, Default)]
struct Account {
    events: u64,
    missed: u64,
    notices: u64,
    others: Vec<Value>,
}

impl Account {
    async fn of(client: &mut Client, last: u64) -> Self {
        let mut account = Self::default();
        let mut next = 0;
        while next <= last {
            let text = client.next_json().await;
            if text["type"] == "gap" {
                let missed = text["missed"].as_u64().expect("a count");
                if let Some(from) = text["from"].as_u64() {
                    // The first event has number 0 and offset 1.
                    assert_eq!(from, next + 1, "{text}");
                    assert_eq!(text["to"], next + missed, "{text}");
                }
                account.missed += missed;
                account.notices += 1;
                next += missed;
            } else if text["type"] == "event" {
                assert_eq!(
                    text["data"]["number"], next,
                    "in order, without a silent hole"
                );
                if let Some(offset) = text["offset"].as_u64() {
                    assert_eq!(offset, next + 1);
                }
                account.events += 1;
                next += 1;
            } else {
                account.others.push(text);
            }
        }
        assert_eq!(next, last + 1);
        assert_eq!(account.events + account.missed, last + 1);
        account
    }
}

#[tokio::test]
async fn drop_oldest_tells_of_every_event_left_out_and_does_not_evict() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("feed").await;
    let mut stalled = connect_narrow(edge.address).await;
    subscribe(&mut stalled, "feed").await;
    publish(&edge, "feed", &mut healthy, 0..EVENTS / 2).await;
    // What it asks for in the middle of it is answered all the same.
    stalled.send_text(r#"{"type":"ping","id":"mine"}"#).await;
    publish(&edge, "feed", &mut healthy, EVENTS / 2..EVENTS).await;
    let account = Account::of(&mut stalled, EVENTS - 1).await;
    println!("{account:?}");
    assert!(account.missed > 0 && account.events >= 10, "{account:?}");
    assert_eq!(account.notices, 1, "merged while it waits");
    assert_eq!(account.others, [json!({"type": "pong", "id": "mine"})]);
    publish(&edge, "feed", &mut healthy, EVENTS..EVENTS + 1).await;
    assert_eq!(stalled.next_json().await["offset"], EVENTS + 1);
    let metrics = edge.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
    healthy.expect_silence().await;
    stalled.expect_silence().await;
}

#[tokio::test]
async fn drop_oldest_counts_for_a_client_without_positions_too() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("unnumbered").await;
    let mut stalled = connect_narrow(edge.address).await;
    stalled.subscribe("unnumbered").await;
    publish(&edge, "unnumbered", &mut healthy, 0..EVENTS).await;
    let account = Account::of(&mut stalled, EVENTS - 1).await;
    assert!(account.missed > 0 && account.notices == 1, "{account:?}");
}

#[tokio::test]
async fn latest_only_ends_with_the_newest_and_counts_what_it_replaced() {
    let edge = server().await;
    let mut healthy = edge.connect().await;
    healthy.subscribe("ticker").await;
    let mut stalled = connect_narrow(edge.address).await;
    subscribe(&mut stalled, "ticker").await;
    publish(&edge, "ticker", &mut healthy, 0..EVENTS).await;
    let waiting = edge.connection_of(&stalled).await;
    // One that is under way, the notice, the newest.
    assert!(
        waiting["queued_messages"].as_u64().unwrap() <= 3,
        "{waiting}"
    );
    let account = Account::of(&mut stalled, EVENTS - 1).await;
    assert!(account.missed > 0 && account.notices == 1, "{account:?}");
    stalled.expect_silence().await;
    let metrics = edge.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
}

#[tokio::test]
async fn a_batch_for_a_client_that_reads_is_not_conflated() {
    let edge = server().await;
    let mut client = edge.connect().await;
    subscribe(&mut client, "ticker").await;
    let events = (0..16).map(|number| json!({"channel": "ticker", "data": {"number": number}}));
    let batch = json!({"events": events.collect::<Vec<_>>()});
    let answer = edge.post("/api/events/batch", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let account = Account::of(&mut client, 15).await;
    assert_eq!((account.events, account.missed), (16, 0));
}
