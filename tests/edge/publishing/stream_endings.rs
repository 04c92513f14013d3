//! How a publish stream ends: cut off, silent, or during a drain.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{advance, pause, resume};

use crate::support::{Client, EventLines, TestServer, within};

/// Another request on the same connection.
const HEAD: &str = "POST /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/x-ndjson\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_stream_that_is_cut_has_published_its_whole_lines() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = json!({"channel": "a", "data": 1}).to_string();
    let mut stream = EventLines::open(server.address, "").await;
    stream.send(format!("{event}\n{event}\n{event}")).await;
    stream.expect_published(1).await;
    stream.expect_published(1).await;
    drop(stream);
    // A chunk that has no length.
    let mut stream = EventLines::open(server.address, "").await;
    stream.send(format!("{event}\n{event}")).await;
    stream
        .stream
        .write_all(b"nonsense\r\n")
        .await
        .expect("send");
    stream.expect_published(1).await;
    stream.expect_refused(2, "invalid_body").await;
    stream.expect_end().await;
    for _ in 0..3 {
        client.next_event("a").await;
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_drain_answers_what_was_read_and_ends_the_stream() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = json!({"channel": "a", "data": 1}).to_string();
    let mut all = EventLines::open(server.address, "").await;
    let mut errors = EventLines::open(server.address, "?answers=errors").await;
    let mut silent = EventLines::open(server.address, "").await;
    for stream in [&mut all, &mut errors] {
        stream
            .send(format!("{event}\nnope\n{event}\n{{\"chan"))
            .await;
    }
    all.expect_published(1).await;
    all.expect_refused(2, "invalid_json").await;
    all.expect_published(1).await;
    errors.expect_refused(2, "invalid_json").await;
    // The third line of both, too, has been published.
    for _ in 0..4 {
        client.next_event("a").await;
    }
    drop(client);
    assert_eq!(within("the drain", server.server.drain()).await, 0);
    all.expect_end().await;
    let totals = errors.next().await;
    assert_eq!(totals, json!({"published": 2, "failed": 1}));
    errors.expect_end().await;
    silent.expect_end().await;
}

/// If the server closed its socket while bytes arrive, they would be answered with a reset, and
/// the publisher could lose answers that it has not read.
#[tokio::test]
async fn the_rest_of_a_request_is_read_for_a_while_after_a_drain_has_ended_its_answer() {
    let server = TestServer::start_default().await;
    let mut stream = EventLines::open(server.address, "?answers=errors").await;
    let began = Instant::now();
    within("the drain", server.server.drain()).await;
    let totals = stream.next().await;
    assert_eq!(totals, json!({"published": 0, "failed": 0}));
    stream.expect_end().await;
    let event = json!({"channel": "a", "data": 1});
    let rest = format!("{event}\n").repeat(1000);
    let rest = format!("{:x}\r\n{rest}\r\n0\r\n\r\n{HEAD}", rest.len());
    let mut client = Client::over(stream.stream);
    client.send_unless_closed(rest.as_bytes()).await;
    // The publisher has ended its request, so that the connection can be used again.
    let mut answer = [0; 12];
    let read = within("an answer", client.stream().read_exact(&mut answer)).await;
    if read.is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 503");
    } else {
        // This test was slow.
        assert!(began.elapsed() > Duration::from_secs(1), "closed at once");
    }
}

#[tokio::test]
async fn a_publisher_that_sends_half_a_line_may_take_its_time() {
    let server = TestServer::start_default().await;
    let mut stream = EventLines::open(server.address, "").await;
    stream.send(r#"{"channel":"a","#).await;
    pause();
    // Longer than any other body may take, and any request.
    advance(Duration::from_secs(3600)).await;
    resume();
    stream.send("\"data\":1}\n").await;
    stream.expect_published(0).await;
}
