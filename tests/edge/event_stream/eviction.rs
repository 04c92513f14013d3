//! Event streams that nobody reads are evicted, and use no more memory than their bounds.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Binary, EventSource, TestServer, config, eventually, resident_kib, within_a_minute,
};

#[tokio::test]
async fn a_slow_consumer_is_evicted_and_told_so_without_disturbing_others() {
    let edge = TestServer::start(config(|config| {
        config.outbox.messages = 1_000_000;
        config.outbox.bytes = 128 * 1024;
    }))
    .await;
    let mut healthy = EventSource::subscribe(edge.address, &["news"]).await;
    let mut slow = EventSource::open_with_small_buffer(edge.address, "/sse?channel=news").await;
    let metrics = edge.server.node().metrics();
    let padding = "x".repeat(20_000);
    let mut published = 0;
    while metrics.slow_consumers_total.get() == 0 {
        assert!(published < 2000, "nobody was evicted");
        let data = json!({"number": published, "padding": padding});
        edge.publish_data("news", &data).await;
        assert_eq!(healthy.next_json().await["data"]["number"], published);
        published += 1;
    }
    // Now it reads: complete events in order, and then the reason of the eviction.
    slow.expect_subscribed(&["news"]).await;
    let mut number = 0;
    let reason = within_a_minute("the close event", async {
        loop {
            let (name, data) = slow.next_event().await;
            let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
            if name == "close" {
                break data;
            }
            assert_eq!(data["data"]["number"], number);
            number += 1;
        }
    })
    .await;
    assert_eq!(reason, json!({"code": 1013, "reason": "slow consumer"}));
    assert!(number < published, "{number} of {published}");
    assert_eq!(slow.next_block().await, None);
    drop(slow);
    eventually("the end of the connection", async || edge.links() == 1).await;
    assert_eq!(edge.publish("news", "only one receives this").await, 1);
    assert_eq!(
        healthy.next_json().await["data"]["message"],
        "only one receives this"
    );
}

#[tokio::test]
async fn a_client_that_never_reads_is_evicted_and_uses_bounded_memory() {
    const STALLED: usize = 20;
    let edge = Binary::start_to_measure(&["--history", "0"]).await;
    let mut healthy = EventSource::open(edge.address, "/sse?channel=news").await;
    healthy.expect_subscribed(&["news"]).await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(EventSource::open_with_small_buffer(edge.address, "/sse?channel=news").await);
    }
    let before = resident_kib(edge.pid());
    let padding = "x".repeat(20_000);
    for number in 0..200 {
        let event = json!({"channel": "news", "data": {"number": number, "padding": padding}});
        let answer = edge.http("POST", "/api/events", Some(&event)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let next = healthy.next_json().await;
        assert_eq!(next["data"]["number"], number);
        let more = resident_kib(edge.pid()).saturating_sub(before);
        // The queued events are shared by all. Each client also has a full pipe and the rest
        // of the text that it could not write; some memory is the allocator's.
        assert!(more < 2048 + STALLED * 128, "{more} KiB at {number}");
    }
    eventually("the evictions", async || {
        let stats = edge.http("GET", "/api/stats", None).await.json();
        stats["slow_consumers_total"] == STALLED && stats["active_connections"] == 1
    })
    .await;
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_reads_nothing_until_the_pong_timeout_is_closed() {
    let edge = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
        config.outbox.messages = 10_000;
        config.outbox.bytes = 64 * 1024 * 1024;
    }))
    .await;
    let stalled = EventSource::open_with_small_buffer(edge.address, "/sse?channel=news").await;
    for number in 0..100 {
        let data = json!({"number": number, "padding": "x".repeat(20_000)});
        edge.publish_data("news", &data).await;
    }
    eventually("the end of the connection", async || edge.links() == 0).await;
    let metrics = edge.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0, "its outbox had room");
    drop(stalled);
}
