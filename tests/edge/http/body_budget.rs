//! The budget of bytes over the bodies of all requests.

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Client, TestServer, config, eventually, read_head};

const BODY: &str = r#"{"channel":"a","data":1}"#;

/// A server whose bodies may take 1000 bytes each and 3000 in all.
async fn start() -> TestServer {
    let config = config(|config| {
        config.publish.max_body_size = 1000;
        config.publish.bodies_total = 3000;
    });
    TestServer::start(config).await
}

/// A body of 1000 bytes, and its last byte.
fn almost() -> (String, &'static str) {
    (format!("{BODY:999}"), " ")
}

/// A request whose body has begun and is not complete.
async fn begin(server: &TestServer, headers: &str, body: &str) -> Client {
    let mut client = Client::dial(server.address).await;
    let head = format!(
        "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\n{headers}\r\n{body}"
    );
    client.send(head.as_bytes()).await;
    client
}

async fn status(stream: &mut TcpStream) -> String {
    read_head(stream).await[9..12].to_owned()
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_before_they_are_read() {
    let server = start().await;
    let mut held = Vec::new();
    let (begun, last) = almost();
    for _ in 0..3 {
        held.push(begin(&server, "Content-Length: 1000\r\n", &begun).await);
    }
    let event = json!({"channel": "a", "data": 1});
    eventually("a refusal", async || {
        server.post("/api/events", &event).await.status == 503
    })
    .await;
    let batch = json!({"events": [event]});
    let refused = server.post("/api/events/batch", &batch).await;
    refused.expect_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Nothing of this body is sent, and it is answered all the same.
    let mut unread = begin(&server, "Content-Length: 1000\r\n", "").await;
    assert_eq!(status(unread.stream()).await, "503");
    // What needs no body is answered.
    server.get("/api/stats").await;

    // One that ends in any way gives back what it took.
    drop(held.pop());
    eventually("the room of an abandoned request", async || {
        server.post("/api/events", &event).await.status == 200
    })
    .await;
    let mut finished = held.pop().expect("a request");
    finished.send(last.as_bytes()).await;
    assert_eq!(status(finished.stream()).await, "200");
    for _ in 0..50 {
        assert_eq!(server.post("/api/events", &event).await.status, 200);
    }
}

#[tokio::test]
async fn bodies_that_were_declared_and_are_not_sent_take_nothing() {
    let server = start().await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(begin(&server, "Content-Length: 1000\r\n", "").await);
    }
    let event = json!({"channel": "a", "data": 1});
    for _ in 0..50 {
        assert_eq!(server.post("/api/events", &event).await.status, 200);
    }
    let mut last = held.pop().expect("a request");
    let (begun, end) = almost();
    last.send((begun + end).as_bytes()).await;
    assert_eq!(status(last.stream()).await, "200");
}

#[tokio::test]
async fn a_chunked_body_is_charged_as_it_arrives() {
    let server = start().await;
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let mut small = begin(&server, chunked, &chunk("{")).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(begin(&server, chunked, &chunk(&" ".repeat(900))).await);
    }
    let event = json!({"channel": "a", "data": "x".repeat(900)});
    eventually("a refusal", async || {
        let length = format!("Content-Length: {}\r\n", event.to_string().len());
        let mut more = begin(&server, &length, &event.to_string()).await;
        status(more.stream()).await == "503"
    })
    .await;
    drop(held);
    small.send(chunk(&BODY[1..]).as_bytes()).await;
    small.send(b"0\r\n\r\n").await;
    assert_eq!(status(small.stream()).await, "200");
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_without_an_invitation() {
    let server = start().await;
    let headers = "Content-Length: 1001\r\nExpect: 100-continue\r\n";
    let mut client = begin(&server, headers, "").await;
    assert_eq!(status(client.stream()).await, "413");
    let headers = "Content-Length: 24\r\nExpect: 100-continue\r\n";
    let mut client = begin(&server, headers, "").await;
    assert_eq!(status(client.stream()).await, "100");
    client.send(BODY.as_bytes()).await;
    assert_eq!(status(client.stream()).await, "200");
}
