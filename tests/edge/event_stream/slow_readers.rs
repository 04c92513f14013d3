//! Event streams that are not read, and the drain: bounded, told, cut off.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Binary, Block, EventSource, TestServer, config, eventually};

use super::stream::{links, narrow, open};

#[tokio::test]
async fn a_slow_consumer_is_evicted_told_so_and_disturbs_nobody() {
    let edge = TestServer::start(config(|config| {
        config.outbox_messages = 1_000_000;
        config.outbox_bytes = 128 * 1024;
    }))
    .await;
    let mut healthy = open(&edge, &["news"]).await;
    let request = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut slow = EventSource::over(narrow(edge.address).await, request).await;
    let metrics = edge.server.node().hub().metrics();
    let padding = "x".repeat(20_000);
    let mut published = 0;
    while metrics.slow_consumers_total.get() == 0 {
        assert!(published < 2000, "nobody was evicted");
        let data = json!({"number": published, "padding": padding});
        edge.server.publish("news", &data).await.expect("publish");
        assert_eq!(healthy.next_json().await["data"]["number"], published);
        published += 1;
    }
    // Now it reads: whole events, in order, and the last says why.
    slow.expect_subscribed(&["news"]).await;
    let mut number = 0;
    let reason = loop {
        let (name, data) = slow.next_event().await;
        let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
        if name == "close" {
            break data;
        }
        assert_eq!(data["data"]["number"], number);
        number += 1;
    };
    assert_eq!(reason, json!({"code": 1013, "reason": "slow consumer"}));
    assert!(number < published, "{number} of {published}");
    assert_eq!(slow.next_block().await, None);
    drop(slow);
    eventually("the end", async || links(&edge) == 1).await;
    assert_eq!(edge.publish("news", "only one hears this").await, 1);
    assert_eq!(
        healthy.next_json().await["data"]["message"],
        "only one hears this"
    );
}

#[tokio::test]
async fn a_slow_consumer_that_never_reads_is_cut_off_and_bounded() {
    const STALLED: usize = 20;
    let edge = Binary::start_to_measure(&[]).await;
    let mut healthy = EventSource::open(edge.address, "/sse?channel=news").await;
    healthy.expect_subscribed(&["news"]).await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let request = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stalled.push(EventSource::over(narrow(edge.address).await, request).await);
    }
    let before = resident(edge.pid());
    let padding = "x".repeat(20_000);
    for number in 0..200 {
        let event = json!({"channel": "news", "data": {"number": number, "padding": padding}});
        let answer = edge.http("POST", "/api/events", Some(&event)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let next = healthy.next_json().await;
        assert_eq!(next["data"]["number"], number);
        let more = resident(edge.pid()).saturating_sub(before);
        // All share what waits; each has a pipe and what it could not write of the last
        // pipe, with an allowance for the allocator.
        assert!(more < 2048 + STALLED * 128, "{more} KiB at {number}");
    }
    eventually("the evictions", async || {
        let stats = edge.http("GET", "/api/stats", None).await.json();
        stats["slow_consumers_total"] == STALLED && stats["active_connections"] == 1
    })
    .await;
    drop(stalled);
}

/// KiB of memory of a process.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    size.and_then(|size| size.parse().ok()).expect("a size")
}

#[tokio::test]
async fn a_drain_tells_and_ends_every_stream() {
    let mut edge = Binary::start(&["--outbox-bytes", "8MiB", "--outbox-messages", "5000"]).await;
    let mut sources = Vec::new();
    for _ in 0..10 {
        let mut source = EventSource::open(edge.address, "/sse?channel=news").await;
        source.expect_subscribed(&["news"]).await;
        sources.push(source);
    }
    // 2 MiB: what a late reader has not read yet is not lost.
    for number in 0..100 {
        let event =
            json!({"channel": "news", "id": number.to_string(), "data": "x".repeat(20_000)});
        let answer = edge.http("POST", "/api/events", Some(&event)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    edge.signal(Signal::TERM);
    eventually("the drain", async || {
        edge.http("GET", "/readyz", None).await.body == "draining\n"
    })
    .await;
    let refused = edge.http("GET", "/sse?channel=news", None).await;
    refused.expect_problem(503, "draining");
    for source in &mut sources {
        for number in 0..100 {
            assert_eq!(source.next_json().await["data"]["id"], number.to_string());
        }
        let notice = source.next_json().await;
        assert_eq!(
            (&notice["channel"], &notice["event"]),
            (&json!("$system"), &json!("shutdown"))
        );
        let window = notice["data"]["reconnect_within_ms"]
            .as_u64()
            .expect("a window");
        match source.next_block().await {
            Some(Block::Retry(retry)) => assert!(retry <= window, "{retry} of {window}"),
            other => panic!("expected a time to come back: {other:?}"),
        }
        assert_eq!(source.expect_close(1001).await, "shutdown");
    }
    drop(sources);
    assert_eq!(edge.exit_code().await, 0);
    assert_eq!(edge.stderr(), "");
}

#[tokio::test]
async fn a_stream_nobody_reads_is_cut_off_when_the_drain_ends() {
    let mut edge = Binary::start(&["--drain-timeout", "600ms", "--outbox-bytes", "8MiB"]).await;
    let request = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stalled = EventSource::over(narrow(edge.address).await, request).await;
    for _ in 0..50 {
        let event = json!({"channel": "news", "data": "x".repeat(20_000)});
        edge.http("POST", "/api/events", Some(&event)).await;
    }
    let began = Instant::now();
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    drop(stalled);
}
