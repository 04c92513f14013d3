//! Bodies that are not what their header announced.

use tokio::io::AsyncWriteExt as _;

use crate::support::{
    EventLines, Response, TestServer, dial, exchange, expect_end, read_head, read_response,
};

const PATHS: [&str; 2] = ["/api/events", "/api/events/batch"];

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         {headers}\r\n{body}"
    )
}

fn expect_broken(answer: &Response) {
    let detail = answer.expect_problem(400, "invalid_body");
    assert_eq!(detail, "the body ended early, or its chunks are invalid");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn invalid_chunks_are_the_publishers_mistake() {
    let server = TestServer::start_default().await;
    for path in PATHS {
        for chunks in [
            "nonsense\r\n",
            "-1\r\n{\r\n",
            "5\r\n{}\r\n0\r\n\r\n",
            "2\r\n{}0\r\n\r\n",
            "2;a\n{}\r\n0\r\n\r\n",
            "2\n{}\r\n0\r\n\r\n",
            "10000000000000000\r\n{}\r\n0\r\n\r\n",
            "fffffffffffffffff\r\n{}\r\n",
            "2\r\n{}\r\n0\r\nno trailer\r\n\r\n",
        ] {
            let request = post(path, "Transfer-Encoding: chunked\r\n", chunks);
            expect_broken(&exchange(server.address, request.as_bytes()).await);
        }
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_answered_although_its_publisher_sends_nothing_more() {
    let server = TestServer::start_default().await;
    for path in PATHS {
        for request in [
            post(path, "Content-Length: 100\r\n", "{"),
            post(path, "Content-Length: 100\r\n", ""),
            post(path, "Transfer-Encoding: chunked\r\n", "5\r\n{\"a"),
            post(path, "Transfer-Encoding: chunked\r\n", ""),
        ] {
            let mut stream = dial(server.address).await;
            stream.write_all(request.as_bytes()).await.expect("send");
            stream.shutdown().await.expect("half a connection");
            expect_broken(&read_response(&mut stream).await);
            expect_end(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn a_broken_publish_stream_says_so_in_its_last_answer() {
    let server = TestServer::start_default().await;
    let event = r#"{"channel":"a","data":1}"#;
    let broken = "{\"error\":{\"code\":\"invalid_body\",";
    let head = |headers: &str| {
        format!(
            "POST /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-ndjson\r\n{headers}\r\n"
        )
    };
    let chunk = format!("{:x}\r\n{event}\n{event}\r\n", 2 * event.len() + 1);
    for request in [
        head("Transfer-Encoding: chunked\r\n") + &chunk + "nonsense\r\n",
        head("Transfer-Encoding: chunked\r\n") + &chunk,
        head("Content-Length: 1000\r\n") + event + "\n" + event,
        head("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n") + &chunk + "nonsense\r\n",
    ] {
        let mut stream = dial(server.address).await;
        stream.write_all(request.as_bytes()).await.expect("send");
        stream.shutdown().await.expect("half a connection");
        if request.contains("Expect:") {
            let invitation = read_head(&mut stream).await;
            assert_eq!(invitation, "HTTP/1.1 100 Continue\r\n");
        }
        let mut lines = EventLines::begun(stream);
        lines.expect_head().await;
        lines.expect_published(0).await;
        let detail = lines.expect_refused(2, "invalid_body").await;
        assert_eq!(detail, "the body ended early, or its chunks are invalid");
        lines.expect_end().await;
        expect_end(&mut lines.stream).await;
    }
    // The last line counts as failed, and nothing else does.
    let request = head("Transfer-Encoding: chunked\r\n").replace("stream", "stream?answers=errors");
    let mut stream = dial(server.address).await;
    let request = request + &chunk + "nonsense\r\n";
    stream.write_all(request.as_bytes()).await.expect("send");
    let mut lines = EventLines::begun(stream);
    lines.expect_head().await;
    let refused = lines.next().await.to_string();
    assert!(refused.starts_with(broken), "{refused}");
    let totals = lines.next().await;
    assert_eq!(totals, serde_json::json!({"published": 1, "failed": 1}));
    lines.expect_end().await;
}

#[tokio::test]
async fn compressed_bodies_are_refused_and_the_answer_says_what_is_accepted() {
    let server = TestServer::start_default().await;
    let body = r#"{"channel":"a","data":1}"#;
    let length = format!("Content-Length: {}\r\n", body.len());
    for path in ["/api/events", "/api/events/batch", "/api/events/stream"] {
        for encodings in [
            "Content-Encoding: gzip\r\n",
            "Content-Encoding: br, gzip\r\n",
            "Content-Encoding: identity\r\nContent-Encoding: zstd\r\n",
        ] {
            let mut request = post(path, &format!("{encodings}{length}"), body);
            if path.ends_with("stream") {
                request = request.replace("application/json", "application/x-ndjson");
            }
            let refused = exchange(server.address, request.as_bytes()).await;
            refused.expect_problem(415, "unsupported_content_encoding");
            assert_eq!(refused.header("accept-encoding"), Some("identity"));
            assert_eq!(refused.header("connection"), Some("close"));
        }
    }
    let headers = format!("Content-Encoding: Identity\r\nConnection: close\r\n{length}");
    let request = post("/api/events", &headers, body);
    assert_eq!(
        exchange(server.address, request.as_bytes()).await.status,
        200
    );
}
