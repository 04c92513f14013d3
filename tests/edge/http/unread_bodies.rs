//! Requests that are answered before their body has been read. What follows such a body could be
//! taken for a request, so the connection ends, and the answer says so.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wavecast::http::ServeOptions;

use crate::support::{
    Response, TestServer, config, dial, dial_with_small_buffer, eventually, expect_end, read_head,
    read_response, with_history, within,
};

const EVENT: &str = r#"{"channel":"a","data":1}"#;
const JSON: &str = "Content-Type: application/json\r\n";
const NEXT: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn request(line: &str, headers: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}")
}

/// Sends a request and another one behind it. The first answer, after which the connection ends.
async fn only_answer(server: &TestServer, request: &str) -> Response {
    let mut stream = dial(server.address).await;
    let both = format!("{request}{NEXT}");
    stream.write_all(both.as_bytes()).await.expect("send");
    let answer = read_response(&mut stream).await;
    assert_eq!(answer.header("connection"), Some("close"), "{request}");
    expect_end(&mut stream).await;
    answer
}

#[tokio::test]
async fn a_refusal_that_leaves_a_body_unread_says_that_the_connection_ends() {
    let server = TestServer::start(config(|config| {
        config.publish.max_body_size = 1000;
        config.publish.bodies_total = 1000;
    }))
    .await;
    let sized = |size: usize| format!("Content-Length: {size}\r\n");
    let some = sized(EVENT.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let chunk = format!("{:x}\r\n{EVENT}\r\n0\r\n\r\n", EVENT.len());
    let long = "x".repeat(2000);
    for (line, headers, body, status) in [
        (
            "POST /api/events",
            format!("Content-Type: text/plain\r\n{some}"),
            EVENT,
            415,
        ),
        (
            "POST /api/events",
            format!("Content-Type: text/plain\r\n{chunked}"),
            chunk.as_str(),
            415,
        ),
        (
            "POST /api/events/batch",
            format!("Content-Type: text/plain\r\n{some}"),
            EVENT,
            415,
        ),
        (
            "POST /api/events/stream",
            format!("{JSON}{some}"),
            EVENT,
            415,
        ),
        (
            "POST /api/events/stream?answers=no",
            format!("{JSON}{some}"),
            EVENT,
            400,
        ),
        (
            "POST /api/events",
            format!("{JSON}{}", sized(2000)),
            long.as_str(),
            413,
        ),
        (
            "POST /api/events/batch",
            format!("{JSON}{}", sized(2000)),
            long.as_str(),
            413,
        ),
        ("PUT /api/events", format!("{JSON}{some}"), EVENT, 405),
        ("POST /nothing", format!("{JSON}{some}"), EVENT, 404),
        ("POST /sse?channel=a", format!("{JSON}{some}"), EVENT, 405),
        ("GET /api/stats", some.clone(), EVENT, 200),
        ("GET /healthz", chunked.to_owned(), chunk.as_str(), 200),
        ("GET /ws", some.clone(), EVENT, 400),
    ] {
        let answer = only_answer(&server, &request(line, &headers, body)).await;
        assert_eq!(answer.status, status, "{line} {headers}: {}", answer.body);
    }
    // All bodies together may take no more.
    let mut held = dial(server.address).await;
    let begun = request(
        "POST /api/events",
        &format!("{JSON}{}", sized(1000)),
        &long[..999],
    );
    held.write_all(begun.as_bytes()).await.expect("send");
    eventually("a refusal", async || {
        server
            .post("/api/events", &json!({"channel": "a", "data": 1}))
            .await
            .status
            == 503
    })
    .await;
    let headers = format!("{JSON}{some}");
    for path in ["POST /api/events", "POST /api/events/batch"] {
        let answer = only_answer(&server, &request(path, &headers, EVENT)).await;
        answer.expect_problem(503, "overloaded");
    }
}

#[tokio::test]
async fn a_refusal_whose_body_was_read_keeps_the_connection() {
    let server = TestServer::start_default().await;
    let mut stream = dial(server.address).await;
    let sized = |body: &str| format!("{JSON}Content-Length: {}\r\n", body.len());
    let nobody = "Content-Type: text/plain\r\nContent-Length: 0\r\n";
    for (line, headers, body, status) in [
        ("POST /api/events", sized("{"), "{", 400),
        ("POST /api/events", sized("[]"), "[]", 400),
        ("POST /api/events/batch", sized("{}"), "{}", 400),
        (
            "POST /api/events",
            format!("{JSON}Transfer-Encoding: chunked\r\n"),
            "0\r\n\r\n",
            400,
        ),
        ("POST /api/events", nobody.to_owned(), "", 415),
        ("GET /api/events", String::new(), "", 405),
        ("GET /nothing", String::new(), "", 404),
        ("GET /api/stats?limit=1", String::new(), "", 200),
        ("GET /api/channels?limit=0", String::new(), "", 400),
        ("POST /api/events", sized(EVENT), EVENT, 200),
    ] {
        let request = request(line, &headers, body);
        stream.write_all(request.as_bytes()).await.expect("send");
        let answer = read_response(&mut stream).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.body);
        assert_eq!(answer.header("connection"), None, "{line}");
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_without_an_invitation_on_every_path() {
    let server = TestServer::start(config(|config| config.publish.max_body_size = 1000)).await;
    let expects = "Expect: 100-continue\r\n";
    for (path, headers, status) in [
        (
            "/api/events",
            format!("{JSON}{expects}Content-Length: 1001\r\n"),
            413,
        ),
        (
            "/api/events/batch",
            format!("{JSON}{expects}Content-Length: 1001\r\n"),
            413,
        ),
        (
            "/api/events",
            format!("{expects}Content-Length: 10\r\n"),
            415,
        ),
        (
            "/api/events/batch",
            format!("{expects}Content-Length: 10\r\n"),
            415,
        ),
        (
            "/api/events/stream",
            format!("{JSON}{expects}Content-Length: 10\r\n"),
            415,
        ),
        (
            "/nothing",
            format!("{JSON}{expects}Content-Length: 10\r\n"),
            404,
        ),
    ] {
        let mut stream = dial(server.address).await;
        let request = request(&format!("POST {path}"), &headers, "");
        stream.write_all(request.as_bytes()).await.expect("send");
        let answer = read_response(&mut stream).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        expect_end(&mut stream).await;
    }
}

/// If the server closed its socket with unread bytes, the peer would be sent a reset, which can
/// discard the answer.
#[tokio::test]
async fn a_peer_that_goes_on_sending_can_read_why_it_was_refused() {
    let server = TestServer::start(config(|config| config.publish.max_body_size = 1000)).await;
    for length in [
        "Content-Length: 1000000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut stream = dial(server.address).await;
        let head = request("POST /api/events", &format!("{JSON}{length}"), "");
        let body = format!("{:x}\r\n{}", 1_000_000, "x".repeat(990_000));
        let began = Instant::now();
        stream.write_all(head.as_bytes()).await.expect("send");
        let mut answer = Vec::new();
        let exchange = async {
            stream.write_all(body.as_bytes()).await?;
            stream.read_to_end(&mut answer).await
        };
        if let Err(error) = within("an answer", exchange).await {
            // This test was slow.
            assert!(began.elapsed() > Duration::from_secs(1), "{error}");
            continue;
        }
        let answer = Response::parse(&String::from_utf8(answer).expect("UTF-8"));
        answer.expect_problem(413, "message_too_large");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

/// As above, with what comes behind the last request of a connection.
#[tokio::test]
async fn a_slow_reader_gets_the_whole_answer_though_it_has_sent_more_behind_its_last_request() {
    let server = TestServer::start(with_history(100)).await;
    let data = "x".repeat(20_000);
    for _ in 0..50 {
        server.publish_data("big", &json!({"message": data})).await;
    }
    for (version, header) in [("1.1", "Connection: close\r\n"), ("1.0", "")] {
        let mut stream = dial_with_small_buffer(server.address).await;
        let began = Instant::now();
        let request = format!(
            "GET /api/channels/big/history?limit=100 HTTP/{version}\r\nHost: a\r\n{header}\r\n{}",
            NEXT.repeat(600)
        );
        stream.write_all(request.as_bytes()).await.expect("send");
        let head = read_head(&mut stream).await;
        // By then, the connection has ended on the server's side.
        for _ in 0..10 {
            server.get("/api/stats").await;
        }
        let mut body = Vec::new();
        let read = within("the rest", stream.read_to_end(&mut body)).await;
        // Otherwise, this test was slow.
        if began.elapsed() < Duration::from_secs(1) {
            read.expect("the end");
            let length = format!("content-length: {}", body.len());
            assert!(head.contains(&length), "{head} {}", body.len());
        }
    }
}

#[tokio::test]
async fn connections_beyond_the_maximum_are_told_that_they_end() {
    let options = ServeOptions {
        max_http: 1,
        ..ServeOptions::default()
    };
    let server = TestServer::start_with(config(|_| {}), options).await;
    let mut held = dial(server.address).await;
    held.write_all(b"GET /api/stats HTTP/1.1\r\n")
        .await
        .expect("send");
    eventually("a full server", async || {
        server.http("GET", "/api/stats", None).await.status == 503
    })
    .await;
    let headers = format!("{JSON}Content-Length: {}\r\n", EVENT.len());
    let answer = only_answer(&server, &request("POST /api/events", &headers, EVENT)).await;
    answer.expect_problem(503, "too_many_connections");
}
