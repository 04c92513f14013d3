//! A client that does not read is evicted, and nobody else notices.

use std::time::Duration;

use serde_json::json;
use wavecast::WebSocketConfig;

use crate::support::{
    CLOSE, Client, LOAD_PATIENCE, PING, TEXT, TestServer, config, eventually, within_a_minute,
};

/// Publishes until a slow consumer is evicted, while a healthy client reads everything in
/// order. Returns the number of events.
async fn publish_until_evicted(edge: &TestServer, healthy: &mut Client, bytes: usize) -> u64 {
    let metrics = edge.server.node().metrics();
    let padding = "x".repeat(bytes);
    within_a_minute("an eviction", async {
        for number in 0..20_000 {
            let data = json!({"number": number, "padding": padding});
            edge.publish_data("news", &data).await;
            assert_eq!(healthy.next_json().await["data"]["number"], number);
            if metrics.slow_consumers_total.get() > 0 {
                return number + 1;
            }
        }
        panic!("nobody was evicted");
    })
    .await
}

/// Expects that a client that stops reading is evicted, with events of this size.
async fn expect_eviction(limit: impl FnOnce(&mut WebSocketConfig), bytes: usize) {
    let edge = TestServer::start(config(|config| {
        limit(config);
        // Nothing that is expected below waits for this.
        config.connections.close_timeout = LOAD_PATIENCE;
    }))
    .await;
    let mut healthy = edge.connect().await;
    healthy.join("lobby", 1).await;
    healthy.subscribe("news").await;
    let mut slow = Client::connect_with_small_buffer(edge.address).await;
    slow.join("lobby", 2).await;
    slow.subscribe("news").await;
    assert_eq!(healthy.next_json().await["type"], "user_joined");
    let published = publish_until_evicted(&edge, &mut healthy, bytes).await;

    assert_eq!(healthy.next_json().await["type"], "user_left");
    assert_eq!(edge.publish("news", "only one receives this").await, 1);
    healthy.next_text().await;

    // Now it reads: complete frames in order, and then the reason of the eviction.
    let mut number = 0;
    let code = within_a_minute("the Close frame", async {
        loop {
            let next = slow.next_frame().await;
            match next.first {
                TEXT => {
                    let event: serde_json::Value = serde_json::from_slice(&next.payload).unwrap();
                    assert_eq!(event["data"]["number"], number);
                    number += 1;
                }
                CLOSE => break next.close().0,
                PING => {}
                other => panic!("a frame that begins with {other:#x}"),
            }
        }
    })
    .await;
    assert_eq!(code, 1013);
    assert!(number < published, "{number} of {published}");
    slow.expect_end().await;

    let metrics = edge.server.node().metrics();
    assert_eq!(
        metrics.slow_consumers_total.get(),
        1,
        "one eviction is counted"
    );
    healthy.expect_silence().await;
}

#[tokio::test]
async fn evicts_a_client_whose_outbox_is_full_of_messages() {
    let limit = |config: &mut WebSocketConfig| {
        config.outbox.messages = 8;
        config.outbox.bytes = 64 * 1024 * 1024;
    };
    expect_eviction(limit, 20_000).await;
}

#[tokio::test]
async fn evicts_a_client_whose_outbox_is_full_of_bytes() {
    let limit = |config: &mut WebSocketConfig| {
        config.outbox.messages = 1_000_000;
        config.outbox.bytes = 128 * 1024;
    };
    expect_eviction(limit, 20_000).await;
}

/// Connects `count` clients that read nothing, and publishes until all of them are evicted.
async fn evict_many(edge: &TestServer, count: usize) -> Vec<Client> {
    let mut stalled = Vec::new();
    for _ in 0..count {
        let mut client = Client::connect_with_small_buffer(edge.address).await;
        client.subscribe("news").await;
        stalled.push(client);
    }
    let metrics = edge.server.node().metrics();
    let padding = "x".repeat(20_000);
    within_a_minute("all evictions", async {
        while metrics.slow_consumers_total.get() < count as u64 {
            edge.publish_data("news", &padding).await;
        }
    })
    .await;
    stalled
}

#[tokio::test]
async fn every_evicted_client_that_reads_on_sees_why() {
    let edge = TestServer::start(config(|config| {
        config.outbox.bytes = 128 * 1024;
        config.connections.close_timeout = LOAD_PATIENCE;
    }))
    .await;
    let stalled = evict_many(&edge, 200).await;
    assert!(edge.links() > 0, "they are closing");
    for mut client in stalled {
        let close = within_a_minute("the Close frame", async {
            loop {
                let next = client.next_frame().await;
                if next.first == CLOSE {
                    break next;
                }
            }
        })
        .await;
        assert_eq!(close.close(), (1013, "slow consumer"));
        client.expect_end().await;
    }
    eventually("the end of all", async || edge.links() == 0).await;
}

#[tokio::test]
async fn evicted_clients_that_never_read_are_gone_after_the_deadline() {
    const STALLED: usize = 500;
    let edge = TestServer::start(config(|config| {
        config.outbox.bytes = 128 * 1024;
        config.connections.close_timeout = Duration::from_millis(500);
    }))
    .await;
    let stalled = evict_many(&edge, STALLED).await;
    eventually("the end of all", async || edge.links() == 0).await;
    let stats = edge.get("/api/stats").await;
    assert_eq!(stats["slow_consumers_total"], STALLED);
    assert_eq!(stats["closing_connections"], 0);
    drop(stalled);
}
