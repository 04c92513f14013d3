//! What a request's head must say, whatever its path.

use crate::support::{Client, HANDSHAKE, TestServer, dial, exchange, expect_end, read_response};
use tokio::io::AsyncWriteExt as _;

/// Requests to all kinds of paths, with and without a body, without the line of `Host`.
const REQUESTS: [(&str, &str, &str); 8] = [
    ("GET", "/", ""),
    ("GET", "/healthz", ""),
    ("GET", "/api/stats", ""),
    ("GET", "/sse?channel=a", ""),
    ("GET", "/nothing", ""),
    ("POST", "/api/events", r#"{"channel":"a","data":1}"#),
    ("POST", "/api/events/batch", r#"{"events":[]}"#),
    ("DELETE", "/api/stats", ""),
];

fn text(method: &str, path: &str, version: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/{version}\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn http_1_1_needs_exactly_one_valid_host_on_every_path() {
    let server = TestServer::start_default().await;
    for (method, path, body) in REQUESTS {
        for hosts in [
            "",
            "Host: a\r\nHost: b\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host: a b\r\n",
            "Host: a/b\r\n",
            "Host: me@a\r\n",
        ] {
            let request = text(method, path, "1.1", hosts, body);
            let refused = exchange(server.address, request.as_bytes()).await;
            refused.expect_problem(400, "invalid_host");
            assert_eq!(refused.header("connection"), Some("close"));
        }
    }
    for host in ["Host:\r\n", "Host: [::1]:3000\r\n", "hOST:a.example:80\r\n"] {
        let headers = format!("{host}Connection: close\r\n");
        let request = text("GET", "/healthz", "1.1", &headers, "");
        assert_eq!(
            exchange(server.address, request.as_bytes()).await.status,
            200
        );
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host_and_closes_unless_it_is_asked_not_to() {
    let server = TestServer::start_default().await;
    let event = r#"{"channel":"a","data":1}"#;
    let request = text("POST", "/api/events", "1.0", "", event);
    let answer = exchange(server.address, request.as_bytes()).await;
    assert_eq!(answer.status, 200);
    let request = text(
        "POST",
        "/api/events",
        "1.0",
        "Host: a\r\nHost: a\r\n",
        event,
    );
    let answer = exchange(server.address, request.as_bytes()).await;
    answer.expect_problem(400, "invalid_host");

    let mut stream = dial(server.address).await;
    for _ in 0..2 {
        let kept = text(
            "POST",
            "/api/events",
            "1.0",
            "Connection: keep-alive\r\n",
            event,
        );
        stream.write_all(kept.as_bytes()).await.expect("send");
        assert_eq!(read_response(&mut stream).await.status, 200);
    }
    // There are no chunks in HTTP/1.0.
    let chunked = "POST /api/events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(
        exchange(server.address, chunked.as_bytes()).await.status,
        400
    );
}

#[tokio::test]
async fn a_body_has_one_length() {
    let server = TestServer::start_default().await;
    let event = r#"{"channel":"a","data":1}"#;
    let length = event.len();
    // The HTTP library refuses these itself, without a body.
    for (lengths, status) in [
        (
            format!("Content-Length: {length}\r\nContent-Length: 5\r\n"),
            400,
        ),
        (format!("Content-Length: {length}, {length}\r\n"), 400),
        (format!("Content-Length: +{length}\r\n"), 400),
        ("Content-Length: -1\r\n".to_owned(), 400),
        ("Content-Length: 0x18\r\n".to_owned(), 400),
        ("Content-Length: \r\n".to_owned(), 400),
        ("Content-Length: 99999999999999999999\r\n".to_owned(), 400),
        // 2**64 - 1: the library has two values of its own at the end of the range.
        ("Content-Length: 18446744073709551615\r\n".to_owned(), 431),
        ("Transfer-Encoding: xchunked\r\n".to_owned(), 400),
        ("Transfer-Encoding: chunked, gzip\r\n".to_owned(), 400),
        ("Transfer-Encoding : chunked\r\n".to_owned(), 400),
    ] {
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             {lengths}\r\n{event}"
        );
        let refused = exchange(server.address, request.as_bytes()).await;
        assert_eq!(refused.status, status, "{lengths}");
        assert_eq!(refused.header("connection"), Some("close"), "{lengths}");
        assert_eq!(refused.body, "", "{lengths}");
    }
    for (headers, status, code) in [
        // The largest length that the library takes.
        (
            "Content-Length: 18446744073709551613\r\n",
            413,
            "message_too_large",
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            501,
            "unsupported_transfer_encoding",
        ),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            501,
            "unsupported_transfer_encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            501,
            "unsupported_transfer_encoding",
        ),
    ] {
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             {headers}\r\n{event}"
        );
        let refused = exchange(server.address, request.as_bytes()).await;
        refused.expect_problem(status, code);
        assert_eq!(refused.header("connection"), Some("close"), "{headers}");
    }
}

/// RFC 9112 §6.3: the chunks count, and the connection must end, since a proxy may have taken the
/// other length for true.
#[tokio::test]
async fn nothing_is_read_behind_a_request_with_a_length_and_chunks() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("smuggled").await;
    let event = r#"{"channel":"smuggled","data":1}"#;
    let smuggled = text("POST", "/api/events", "1.1", "Host: a\r\n", event);
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 400\r\nTransfer-Encoding: chunked\r\n",
    ] {
        for path in ["/api/events", "/api/events/batch", "/healthz"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                 {lengths}\r\n0\r\n\r\n{smuggled}"
            );
            let mut stream = dial(server.address).await;
            stream.write_all(request.as_bytes()).await.expect("send");
            let answer = read_response(&mut stream).await;
            assert!(answer.status >= 400, "{}", answer.head);
            assert_eq!(answer.header("connection"), Some("close"), "{path}");
            expect_end(&mut stream).await;
        }
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_handshake_is_checked_as_before() {
    let server = TestServer::start_default().await;
    let both = HANDSHAKE.replacen(
        "Host: localhost",
        "Host: localhost\r\nTransfer-Encoding: chunked",
        1,
    );
    let mut client = Client::dial(server.address).await;
    client.send(both.as_bytes()).await;
    let refused = read_response(client.stream()).await;
    refused.expect_problem(400, "unexpected_body");
    assert_eq!(refused.header("connection"), Some("close"));
}
