//! More plain HTTP connections than are allowed.

use std::time::{Duration, Instant};

use wavecast::http::ServeOptions;

use crate::support::{
    Client, EventSource, TestServer, config, eventually, exchange, read_head, refusable_handshake,
    request,
};

const EXTRA: usize = 64;
/// How long the extra ones may take to send a request: nobody waits for them.
const HEADER_TIMEOUT: Duration = Duration::from_secs(1);

async fn start(max_http: usize) -> TestServer {
    let options = ServeOptions {
        max_http,
        ..ServeOptions::default()
    };
    TestServer::start_with(config(|_| {}), options).await
}

/// Connections on which a request has begun, which is served.
async fn hold(server: &TestServer, count: usize) -> Vec<Client> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut client = Client::dial(server.address).await;
        client.send(b"GET /api/stats HTTP/1.1\r\n").await;
        held.push(client);
    }
    held
}

#[tokio::test]
async fn beyond_the_maximum_only_health_checks_are_answered() {
    let server = start(3).await;
    let held = hold(&server, 3).await;
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let healthy = request(server.address, "GET", "/healthz", None).await;
        assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok\n"));
        fastest = fastest.min(began.elapsed());
        let refused = request(server.address, "GET", "/api/stats", None).await;
        refused.expect_problem(503, "too_many_connections");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert!(fastest < HEADER_TIMEOUT, "{fastest:?}");
    // The connection is closed although the request does not ask for it.
    let kept = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let ready = exchange(server.address, kept).await;
    assert_eq!(
        (ready.status, ready.header("connection")),
        (200, Some("close"))
    );
    let handshake = exchange(server.address, refusable_handshake().as_bytes()).await;
    handshake.expect_problem(503, "too_many_connections");
    drop(held);
    eventually("a free connection", async || {
        request(server.address, "GET", "/api/stats", None)
            .await
            .status
            == 200
    })
    .await;
}

/// After any status but 200, a browser would never reconnect.
#[tokio::test]
async fn beyond_the_maximum_a_browser_is_told_to_open_its_event_stream_again() {
    let server = start(3).await;
    let _held = hold(&server, 3).await;
    let path = "/sse?channel=news";
    let accept = "Accept: text/event-stream\r\n";
    let mut browser = EventSource::open_with(server.address, path, accept).await;
    for line in ["content-type: text/event-stream", "connection: close"] {
        assert!(browser.head.contains(line), "{}", browser.head);
    }
    let reason = "the server has its maximum number of HTTP connections";
    assert_eq!(browser.expect_close(1013).await, reason);
    // Others are told by the status.
    let refused = request(server.address, "GET", path, None).await;
    refused.expect_problem(503, "too_many_connections");
}

/// 64 connections per second that sent nothing once kept out all health checks.
#[tokio::test]
async fn silent_connections_do_not_keep_out_health_checks() {
    let server = start(1).await;
    let mut held = hold(&server, 1 + EXTRA).await;
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        held.extend(hold(&server, EXTRA).await);
        let began = Instant::now();
        let healthy = request(server.address, "GET", "/healthz", None).await;
        assert_eq!(healthy.status, 200);
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < HEADER_TIMEOUT, "{fastest:?}");
    // The one that has waited longest made way; the one within the maximum did not.
    held[1].expect_gone().await;
    held[0].send(b"Host: localhost\r\n\r\n").await;
    let answer = read_head(held[0].stream()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn websockets_and_event_streams_do_not_count() {
    let server = start(2).await;
    let mut clients = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..5 {
        clients.push(server.connect().await);
        streams.push(EventSource::subscribe(server.address, &["news"]).await);
    }
    eventually("both connections", async || {
        let mut held = hold(&server, 1).await;
        let answer = request(server.address, "GET", "/api/stats", None).await;
        let mut nothing = [0; 1];
        let read = held[0].stream().try_read(&mut nothing);
        answer.status == 200 && read.is_err()
    })
    .await;
    assert_eq!(server.publish("news", "hello").await, 5);
}
