//! Event streams during a graceful shutdown.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Binary, Block, EventSource, eventually};

#[tokio::test]
async fn a_drain_notifies_and_ends_every_stream() {
    let mut edge = Binary::start(&["--outbox-bytes", "8MiB", "--outbox-messages", "5000"]).await;
    let mut sources = Vec::new();
    for _ in 0..10 {
        let mut source = EventSource::open(edge.address, "/sse?channel=news").await;
        source.expect_subscribed(&["news"]).await;
        sources.push(source);
    }
    // 2 MiB, which the clients read only after the drain has begun.
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
    // After any status but 200, a browser would never come back.
    let accept = "Accept: text/event-stream\r\n";
    let mut browser = EventSource::open_with(edge.address, "/sse?channel=news", accept).await;
    assert!(
        browser.head.contains("connection: close\r\n"),
        "{}",
        browser.head
    );
    assert_eq!(browser.expect_close(1001).await, "Server is shutting down");
    let mut retries = BTreeSet::new();
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
            .expect("a reconnection window");
        match source.next_block().await {
            Some(Block::Retry(retry)) => {
                assert!(retry <= window, "{retry} of {window}");
                retries.insert(retry);
            }
            other => panic!("expected a reconnection time: {other:?}"),
        }
        assert_eq!(source.expect_close(1001).await, "shutdown");
    }
    // Random, so two may be equal, but hardly ten.
    assert!(retries.len() > 1, "all reconnect together: {retries:?}");
    drop(sources);
    assert_eq!(edge.exit_code().await, 0);
    assert_eq!(edge.stderr(), "");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_disconnected_at_the_drain_deadline() {
    let flags = ["--drain-timeout", "600ms", "--outbox-bytes", "8MiB"];
    let mut edge = Binary::start(&[&flags[..], &["--close-timeout", "1h"]].concat()).await;
    let stalled = EventSource::open_with_small_buffer(edge.address, "/sse?channel=news").await;
    for _ in 0..50 {
        let event = json!({"channel": "news", "data": "x".repeat(20_000)});
        edge.http("POST", "/api/events", Some(&event)).await;
    }
    let began = Instant::now();
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");
    drop(stalled);
}
