//! Requests whose body never ends, during a graceful shutdown.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{
    Binary, TestServer, config, dial, eventually, expect_end, read_head, read_response, within,
};

/// More than a test may take.
const LONG: &str = "10m";

fn begun(path: &str, lengths: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lengths}\r\n"
    )
}

async fn begin(address: std::net::SocketAddr) -> Vec<TcpStream> {
    begin_with(address, "").await
}

async fn begin_with(address: std::net::SocketAddr, more: &str) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for path in ["/api/events", "/api/events/batch"] {
        for rest in [
            "Content-Length: 100\r\n\r\n{\"channel\":",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{",
        ] {
            let mut stream = dial(address).await;
            let (lengths, body) = rest.split_at(rest.find("\r\n\r\n").expect("a head") + 2);
            let request = begun(path, &format!("{more}{lengths}")) + &body[2..];
            stream.write_all(request.as_bytes()).await.expect("send");
            streams.push(stream);
        }
    }
    streams
}

#[tokio::test]
async fn a_request_whose_body_never_ends_is_answered_when_a_drain_begins() {
    let mut edge = Binary::start(&["--drain-timeout", LONG]).await;
    let mut streams = begin_with(edge.address, "Expect: 100-continue\r\n").await;
    for stream in &mut streams {
        // The server waits for the body.
        let invitation = read_head(stream).await;
        assert!(
            invitation.starts_with("HTTP/1.1 100 Continue"),
            "{invitation}"
        );
    }
    edge.signal(Signal::TERM);
    for stream in &mut streams {
        let answer = read_response(stream).await;
        answer.expect_problem(503, "draining");
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        expect_end(stream).await;
    }
    drop(streams);
    assert_eq!(edge.exit_code().await, 0);
}

#[tokio::test]
async fn a_request_that_begins_during_a_drain_does_not_wait_for_its_body() {
    let server = TestServer::start(config(|_| {})).await;
    server.server.node().begin_drain();
    for mut stream in begin(server.address).await {
        let answer = read_response(&mut stream).await;
        answer.expect_problem(503, "draining");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_shutdown_has_one_deadline_for_connections_and_requests() {
    let mut edge = Binary::start(&["--drain-timeout", "500ms"]).await;
    // It never reads its Close frame, nor does anybody read this response.
    let _stubborn = edge.connect().await;
    let unread = dial(edge.address).await;
    let requests = "GET /wavecast.iife.js HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    eventually("a response that does not fit", async || {
        unread.try_write(requests.as_bytes()).is_err()
    })
    .await;
    let began = Instant::now();
    edge.signal(Signal::TERM);
    let code = within("the exit", edge.exit_code()).await;
    assert_eq!(code, 0);
    // Before, requests had five seconds more.
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
