//! Bodies of requests: media type, size, deadline.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::support::{Client, TestServer, config, exchange, post_text};

#[tokio::test]
async fn a_body_must_have_the_media_type_of_json() {
    let server = TestServer::start_default().await;
    let body = r#"{"channel":"a","data":1}"#;
    for headers in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/jsonx\r\n",
    ] {
        for path in ["/api/events", "/api/events/batch"] {
            let response = post_text(server.address, path, headers, body).await;
            response.expect_problem(415, "unsupported_media_type");
        }
    }
    for headers in [
        "Content-Type: APPLICATION/JSON\r\n",
        "Content-Type: application/json; charset=utf-8\r\n",
    ] {
        assert_eq!(
            post_text(server.address, "/api/events", headers, body)
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_body_over_the_size_limit_is_refused() {
    let server = TestServer::start(config(|config| config.publish.max_body_size = 1000)).await;
    let body = |size: usize| {
        let frame = json!({"channel": "a", "data": ""}).to_string().len();
        json!({"channel": "a", "data": "x".repeat(size - frame)})
    };
    assert_eq!(server.post("/api/events", &body(1000)).await.status, 200);
    let response = server.post("/api/events", &body(1001)).await;
    let detail = response.expect_problem(413, "message_too_large");
    assert_eq!(detail, "the body exceeds 1000 bytes (--max-body-size)");
    // A chunked body has no declared length.
    let chunked = "POST /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600)).repeat(2);
    let request = format!("{chunked}{chunks}0\r\n\r\n");
    let response = exchange(server.address, request.as_bytes()).await;
    response.expect_problem(413, "message_too_large");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_answered_with_408() {
    let edge = TestServer::start_default().await;
    let mut client = Client::dial(edge.address).await;
    let head = "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"cha";
    client.send(head.as_bytes()).await;
    let mut answer = vec![0; 12];
    // The server's own deadline is ten seconds.
    let answered = timeout(
        Duration::from_secs(15),
        client.stream().read_exact(&mut answer),
    )
    .await;
    answered.expect("an answer in time").expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 408");
}
