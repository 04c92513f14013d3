//! What a publish stream may make the server hold, and whom it may delay.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};
use wavecast::http::ServeOptions;

use crate::support::{
    Client, EventLines, TestServer, config, dial_with_small_buffer, eventually, read_head, within,
};

const WRITE_TIMEOUT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_line_that_is_too_long_is_skipped_as_it_arrives() {
    // All bodies together may take much less than the line.
    let server = TestServer::start(config(|config| {
        config.publish.max_body_size = 2000;
        config.publish.bodies_total = 100_000;
    }))
    .await;
    let mut stream = EventLines::open(server.address, "").await;
    stream.send(r#"{"channel":"a","data":""#).await;
    for _ in 0..100 {
        stream.send("x".repeat(10_000)).await;
    }
    let detail = stream.expect_refused(1, "message_too_large").await;
    assert_eq!(detail, "the line exceeds 2000 bytes (--max-body-size)");
    stream.send("\"}\n").await;
    stream.send_event(&json!({"channel": "a", "data": 1})).await;
    stream.expect_published(0).await;
    stream.send("\nx\n").await;
    stream.expect_refused(4, "invalid_json").await;
}

#[tokio::test]
async fn lines_are_charged_to_the_budget_of_all_bodies_while_they_are_held() {
    let server = TestServer::start(config(|config| {
        config.publish.max_body_size = 1000;
        config.publish.bodies_total = 3100;
    }))
    .await;
    let event = json!({"channel": "a", "data": "x".repeat(100)});
    // Streams that hold nothing take nothing.
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut stream = EventLines::open(server.address, "").await;
        stream.send_event(&event).await;
        stream.expect_published(0).await;
        idle.push(stream);
    }
    // Each half line takes a buffer of 1000 bytes, and the lines of others are refused meanwhile.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = EventLines::open(server.address, "").await;
        stream.send("x".repeat(50)).await;
        held.push(stream);
    }
    let stream = &mut idle[0];
    let mut line = 1;
    eventually("a refusal", async || {
        line += 1;
        stream.send_event(&event).await;
        stream.next().await["error"]["code"] == "overloaded"
    })
    .await;
    let single = server.post("/api/events", &event).await;
    single.expect_problem(503, "overloaded");
    // They are given back however the streams end or go on.
    held[0].send("\n").await;
    held[0].expect_refused(1, "invalid_json").await;
    drop(held);
    for stream in &mut idle {
        eventually("a publication", async || {
            stream.send_event(&event).await;
            stream.next().await["subscribers"] == 0
        })
        .await;
    }
    assert_eq!(server.post("/api/events", &event).await.status, 200);
}

#[tokio::test]
async fn a_publisher_that_reads_no_answers_is_not_read_from_and_is_reset() {
    let options = ServeOptions {
        write_timeout: WRITE_TIMEOUT,
        ..ServeOptions::default()
    };
    let server = TestServer::start_with(config(|_| {}), options).await;
    let stream = dial_with_small_buffer(server.address).await;
    let mut stream = EventLines::over(stream, "").await;
    let event = json!({"channel": "a", "data": 1});
    let chunk = format!("{event}\n").repeat(1000);
    let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let began = Instant::now();
    let mut sent = 0;
    let ended = within("the reset", async {
        loop {
            let portion = &chunk.as_bytes()[sent % chunk.len()..];
            // Nothing but the reset tells a writer whose socket is full anything.
            let writing = stream.stream.write(portion);
            match timeout(Duration::from_millis(10), writing).await {
                Ok(Ok(count)) => sent += count,
                Ok(Err(error)) => return error,
                Err(_full) => {}
            }
        }
    });
    let error = ended.await;
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert!(began.elapsed() >= WRITE_TIMEOUT, "{:?}", began.elapsed());
    // What the kernel's buffers hold; a server that went on reading would take all of it.
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes");
}

#[tokio::test]
async fn a_stream_is_one_of_the_plain_connections() {
    let options = ServeOptions {
        max_http: 1,
        ..ServeOptions::default()
    };
    let server = TestServer::start_with(config(|_| {}), options).await;
    // The connection that saw the server start may not have ended yet.
    let mut streams = Vec::new();
    eventually("a free connection", async || {
        let mut client = Client::dial(server.address).await;
        let head = "POST /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\
            Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n";
        client.send(head.as_bytes()).await;
        let answer = read_head(client.stream()).await;
        streams.push(client);
        answer.starts_with("HTTP/1.1 200")
    })
    .await;
    let refused = server.http("GET", "/api/stats", None).await;
    refused.expect_problem(503, "too_many_connections");
}

#[tokio::test]
async fn others_get_a_turn_while_a_stream_is_published() {
    const LINES: usize = 60;
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let channels: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let event = json!({"channels": channels, "data": 1}).to_string();
    let mut stream = EventLines::open(server.address, "").await;
    let mut pongs = 0;
    // All of it is one thread, which the stream keeps busy.
    let publishing = async {
        stream.send(format!("{event}\n").repeat(LINES)).await;
        for _ in 0..LINES {
            stream.expect_published(0).await;
        }
    };
    let pinging = async {
        loop {
            client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
            pongs += 1;
        }
    };
    tokio::select! {
        () = publishing => {}
        () = pinging => {}
    }
    println!("{pongs} pongs");
    assert!(pongs >= 10, "{pongs} pongs");
}
