//! All outboxes together have a total: beyond it, the largest are given up first.

use std::time::Duration;

use serde_json::json;
use wavecast::TopicRules;
use wavecast::protocol::TopicKind;

use crate::support::{
    Client, InTime as _, TestServer, config, eventually, within, within_a_minute,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;
/// Bytes of an event's padding.
const PADDING: usize = 16 * KIB;

async fn start(total: usize) -> TestServer {
    TestServer::start(config(|config| {
        // A channel without subscribers is gone.
        config.topics = TopicRules::default();
        config.outbox.messages = 1_000_000;
        config.outbox.bytes = 64 * MIB;
        config.outbox.total = total;
        config.connections.close_timeout = Duration::from_millis(300);
        // Nobody is reset for being blocked.
        config.connections.write_timeout = Duration::from_secs(60);
    }))
    .await
}

/// A client that has subscribed to a channel, and reads nothing more.
async fn stalled(edge: &TestServer, channel: &str) -> Client {
    let mut client = Client::connect_with_small_buffer(edge.address).await;
    client.subscribe(channel).await;
    client
}

async fn publish(edge: &TestServer, channel: &str, number: usize) {
    let data = json!({"number": number, "padding": "x".repeat(PADDING)});
    edge.publish_data(channel, &data).await;
}

/// The fewest and the most bytes that wait for one of all clients.
async fn queued(edge: &TestServer) -> (usize, usize) {
    let hub = edge.server.node().hub();
    let sent = hub.inspect(&hub.clients()).in_time().await;
    let bytes = sent
        .expect("a hub")
        .into_iter()
        .map(|sent| sent.queued_bytes);
    let bytes: Vec<usize> = bytes.collect();
    let least = bytes.iter().min().expect("a client");
    (*least, *bytes.iter().max().expect("a client"))
}

#[tokio::test]
async fn the_largest_outboxes_are_evicted_first_and_the_small_ones_lose_nothing() {
    const SMALL: usize = 8;
    let edge = start(2 * MIB + 512 * KIB).await;
    let node = edge.server.node();
    let metrics = node.metrics();
    let mut largest = Vec::new();
    // Both grow far beyond the small ones, and one far beyond the other.
    for (channel, bytes) in [("larger", 600 * KIB), ("largest", 1200 * KIB)] {
        largest.push(stalled(&edge, channel).await);
        within("a backlog", async {
            while queued(&edge).await.1 < bytes {
                publish(&edge, channel, 0).await;
            }
        })
        .await;
    }
    let names: Vec<String> = (0..SMALL).map(|number| format!("small {number}")).collect();
    let mut small = Vec::new();
    for name in &names {
        small.push(stalled(&edge, name).await);
    }
    assert_eq!(metrics.slow_consumers_total.get(), 0);

    // The small ones make it too much, but they are not the ones to go.
    let mut published = 0;
    for (count, gone) in [(1, "largest"), (2, "larger")] {
        within_a_minute("an eviction", async {
            while metrics.largest_evicted_total.get() < count {
                for name in &names {
                    publish(&edge, name, published).await;
                }
                published += 1;
                node.probe().in_time().await.expect("a shard");
            }
        })
        .await;
        eventually("the end of its subscription", async || {
            node.topic(TopicKind::Channel, gone).is_none()
        })
        .await;
        assert_eq!(metrics.slow_consumers_total.get(), count, "{gone}");
    }
    assert!(node.outbox_bytes() <= 2 * MIB + 512 * KIB);

    for (name, client) in names.iter().zip(&mut small) {
        for number in 0..published {
            let event = client.next_json().await;
            assert_eq!(event["channel"], **name);
            assert_eq!(event["data"]["number"], number);
        }
        client.expect_silence().await;
    }
    eventually("empty outboxes", async || node.outbox_bytes() == 0).await;
    let stats = edge.get("/api/stats").await;
    assert_eq!(stats["largest_evicted_total"], 2);
    assert_eq!(stats["slow_consumers_total"], 2);
    assert_eq!(stats["outbox_bytes"], 0);
    drop(largest);
}

#[tokio::test]
async fn a_backlog_that_many_clients_share_counts_once_per_shard() {
    const STALLED: usize = 500;
    let edge = start(MIB).await;
    let node = edge.server.node();
    let mut clients = Vec::new();
    for _ in 0..STALLED {
        clients.push(stalled(&edge, "news").await);
    }
    within_a_minute("a backlog for everybody", async {
        while queued(&edge).await.0 < 64 * KIB {
            publish(&edge, "news", 0).await;
            node.probe().in_time().await.expect("a shard");
        }
    })
    .await;
    let bytes = node.outbox_bytes();
    assert!((64 * KIB..MIB).contains(&bytes), "{bytes}");
    assert_eq!(node.metrics().slow_consumers_total.get(), 0);
    drop(clients);
    eventually("empty outboxes", async || node.outbox_bytes() == 0).await;
}
