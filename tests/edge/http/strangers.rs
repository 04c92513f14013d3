//! Peers that do not speak HTTP/1.1, or speak it strangely. Each gets a clear answer, and nobody else
//! notices.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Response, TestServer, dial, exchange, expect_end, read_response, within};

/// The first message of a TLS client, shortened to where a server stops understanding it.
const TLS_HELLO: &[u8] =
    b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03\x8f\x14\x9a\r\n\x00\x13\x01";
const HTTP_2_PREFACE: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

#[tokio::test]
async fn what_is_not_http_1_is_refused_and_the_connection_ends() {
    let server = TestServer::start_default().await;
    let preface = exchange(server.address, HTTP_2_PREFACE).await;
    let detail = preface.expect_problem(505, "unsupported_http_version");
    assert_eq!(detail, "this port speaks HTTP/1.1");
    assert_eq!(preface.header("connection"), Some("close"));
    for bytes in [
        TLS_HELLO,
        b"GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET /healthz http/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET\r\n\r\n",
        b"G\x00T /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health z HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
        b"GET /healthz HTTP/1.1\rHost: a\r\r",
    ] {
        let refused = exchange(server.address, bytes).await;
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(refused.status, 400, "{text}");
        assert_eq!(refused.header("connection"), Some("close"), "{text}");
    }
}

async fn close(server: &TestServer, line: &str, headers: &str) -> Response {
    let request = format!("{line}\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    exchange(server.address, request.as_bytes()).await
}

#[tokio::test]
async fn all_forms_of_targets_and_methods_get_an_answer() {
    let server = TestServer::start_default().await;
    let whole = close(&server, "GET http://other.example/healthz HTTP/1.1", "").await;
    assert_eq!((whole.status, whole.body.as_str()), (200, "ok\n"));
    for (line, status, code) in [
        ("CONNECT a.example:80 HTTP/1.1", 404, "not_found"),
        ("OPTIONS * HTTP/1.1", 404, "not_found"),
        ("TRACE /healthz HTTP/1.1", 405, "method_not_allowed"),
        ("BREW /healthz HTTP/1.1", 405, "method_not_allowed"),
        ("OPTIONS /api/events HTTP/1.1", 405, "method_not_allowed"),
        ("GET /healthz/../api/stats HTTP/1.1", 404, "not_found"),
        ("GET //healthz HTTP/1.1", 404, "not_found"),
        ("GET /api/stats%00 HTTP/1.1", 404, "not_found"),
    ] {
        close(&server, line, "").await.expect_problem(status, code);
    }
    let head = close(&server, "HEAD /healthz HTTP/1.1", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let upgrade = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let upgrade = close(&server, "GET /healthz HTTP/1.1", upgrade).await;
    assert_eq!((upgrade.status, upgrade.body.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = TestServer::start_default().await;
    let line = |size: usize| format!("X: {}\r\n", "x".repeat(size));
    let many = "X: y\r\n".repeat(65);
    for headers in [line(40_000), many, line(8000).repeat(5)] {
        let refused = close(&server, "GET /healthz HTTP/1.1", &headers).await;
        assert_eq!(refused.status, 431);
        assert_eq!(refused.header("connection"), Some("close"));
    }
    let target = format!("GET /{} HTTP/1.1", "x".repeat(70_000));
    assert_eq!(close(&server, &target, "").await.status, 431);
}

/// A proxy that reads the length and a server that reads the chunks (or the other way round) must not
/// see different requests.
#[tokio::test]
async fn nothing_can_be_smuggled_and_other_connections_go_on() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("smuggled").await;
    let event = json!({"channel": "smuggled", "data": 1}).to_string();
    let smuggled = format!(
        "POST /api/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{event}",
        event.len()
    );
    let (all, chunk) = (smuggled.len(), format!("{:x}\r\n", smuggled.len()));
    for request in [
        // CL.TE: a proxy forwards everything as one body.
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
            all + 5
        ),
        // TE.CL: a proxy forwards one chunk.
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n{chunk}{smuggled}\r\n0\r\n\r\n",
            chunk.len()
        ),
        // TE.TE: one of the two is overlooked.
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: 0\r\nContent-Length: {all}\r\n\r\n{smuggled}"),
        format!("Content-Length: 0, {all}\r\n\r\n{smuggled}"),
        // A chunk whose size does not fit into any integer.
        format!("Transfer-Encoding: chunked\r\n\r\n10000000000000000000\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0;\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0\n\n{smuggled}"),
    ] {
        let mut stream = dial(server.address).await;
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{request}"
        );
        stream.write_all(request.as_bytes()).await.expect("send");
        let answer = read_response(&mut stream).await;
        assert!(answer.status >= 400, "{request}: {}", answer.head);
        assert_eq!(answer.header("connection"), Some("close"), "{request}");
        expect_end(&mut stream).await;
    }
    client.expect_silence().await;
    // What is behind a request of one length is a request.
    let mut stream = dial(server.address).await;
    let both = format!("{smuggled}{smuggled}");
    stream.write_all(both.as_bytes()).await.expect("send");
    for _ in 0..2 {
        assert_eq!(read_response(&mut stream).await.status, 200);
        client.next_event("smuggled").await;
    }
}

#[tokio::test]
async fn a_line_feed_may_end_a_line_alone() {
    let server = TestServer::start_default().await;
    // RFC 9112 §2.2 allows it, and there is only one way to read it.
    let mut stream = dial(server.address).await;
    let request = b"GET /healthz HTTP/1.1\nHost: a\nConnection: close\n\n";
    stream.write_all(request).await.expect("send");
    let mut answer = String::new();
    let read = within("an answer", stream.read_to_string(&mut answer)).await;
    read.expect("text");
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
}
