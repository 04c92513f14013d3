//! HTTP over TLS.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wavecast::http::ServeOptions;
use wavecast::transport::tls::TlsOptions;

use crate::support::{
    Response, TestCertificate, TestServer, ask_tls, config, connect_tls, dial_tls, read_response,
    refusable_handshake, within,
};

const HSTS: Option<&str> = Some("max-age=31536000");

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_connection_is_reused_and_every_response_asks_for_tls() {
    let (edge, own) = super::start(config(|_| {}));
    let mut subscriber = connect_tls(edge.address, &own.client()).await;
    subscriber.subscribe("news").await;
    let mut stream = dial_tls(edge.address, &own.client()).await;
    let event = r#"{"channel":"news","data":{"message":"hi"}}"#;
    for (request, status) in [
        (get("/healthz"), 200),
        (post("/api/events", event), 200),
        (get("/api/stats"), 200),
        (get("/nothing"), 404),
        (post("/api/events", "{}"), 400),
    ] {
        let response = ask_tls(&mut stream, &request).await;
        assert_eq!(response.status, status, "{request}: {}", response.body);
        assert_eq!(response.header("strict-transport-security"), HSTS);
    }
    subscriber.expect_event("news", "hi").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (edge, own) = super::start(config(|_| {}));
    let mut subscriber = connect_tls(edge.address, &own.client()).await;
    subscriber.subscribe("news").await;
    let mut stream = dial_tls(edge.address, &own.client()).await;
    let mut requests = String::new();
    for number in 0..200 {
        let event = json!({"channel": "news", "data": {"number": number}});
        requests += &post("/api/events", &event.to_string());
    }
    stream.write_all(requests.as_bytes()).await.expect("send");
    stream.flush().await.expect("send");
    for number in 0..200 {
        let response = read_response(&mut stream).await;
        assert_eq!(response.json()["subscribers"], 1, "{}", response.body);
        assert_eq!(subscriber.next_event("news").await["number"], number);
    }
}

#[tokio::test]
async fn large_bodies_and_large_responses_pass() {
    let (edge, own) = super::start(config(|config| config.max_message_size = 512 * 1024));
    let mut stream = dial_tls(edge.address, &own.client()).await;
    let data = "x".repeat(300_000);
    for _ in 0..3 {
        let event = json!({"channel": "news", "data": data});
        let response = ask_tls(&mut stream, &post("/api/events", &event.to_string())).await;
        assert_eq!(response.status, 200, "{}", response.body);
    }
    let history = ask_tls(&mut stream, &get("/api/channels/news/history?limit=3")).await;
    assert_eq!(history.status, 200, "{}", history.body);
    assert!(history.body.len() > 300_000, "{}", history.body.len());
    // A body that is too large is not read, and the refusal arrives all the same.
    let length = 100 * 1024 * 1024;
    let head = format!(
        "POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("send");
    stream.write_all(&vec![b'x'; 100_000]).await.expect("send");
    stream.flush().await.expect("send");
    let mut text = String::new();
    let read = within("the refusal", stream.read_to_string(&mut text)).await;
    read.expect("an orderly end, with `close_notify`");
    Response::parse(&text).expect_problem(413, "message_too_large");
}

#[tokio::test]
async fn a_connection_ends_in_order_when_it_is_asked_to() {
    let (edge, own) = super::start(config(|_| {}));
    let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let upgrade = refusable_handshake().replacen("13\r\n", "12\r\n", 1);
    for (request, status) in [(health, 200), (&upgrade, 426)] {
        let mut stream = dial_tls(edge.address, &own.client()).await;
        let response = ask_tls(&mut stream, request).await;
        assert_eq!(response.status, status, "{}", response.body);
        let read = within("the end", stream.read(&mut [0; 8])).await;
        assert_eq!(read.expect("`close_notify`"), 0);
    }
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_in_time() {
    let own = TestCertificate::of(&["localhost"]);
    let options = ServeOptions {
        header_timeout: Duration::from_millis(200),
        ..ServeOptions::default()
    };
    let tls = own.acceptor(TlsOptions::default());
    let edge = TestServer::start_tls(config(|_| {}), options, tls);
    let mut stream = dial_tls(edge.address, &own.client()).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHo")
        .await
        .expect("send");
    stream.flush().await.expect("send");
    let mut text = String::new();
    let read = within("the answer", stream.read_to_string(&mut text)).await;
    read.expect("an orderly end");
    Response::parse(&text).expect_problem(408, "request_timeout");
}

#[tokio::test]
async fn connections_beyond_the_maximum_are_told_so() {
    let own = TestCertificate::of(&["localhost"]);
    let options = ServeOptions {
        max_http: 1,
        ..ServeOptions::default()
    };
    let tls = own.acceptor(TlsOptions::default());
    let edge = TestServer::start_tls(config(|_| {}), options, tls);
    let mut first = dial_tls(edge.address, &own.client()).await;
    ask_tls(&mut first, &get("/healthz")).await;
    let mut second = dial_tls(edge.address, &own.client()).await;
    let refused = ask_tls(&mut second, &get("/api/stats")).await;
    refused.expect_problem(503, "too_many_connections");
    assert_eq!(refused.header("strict-transport-security"), HSTS);
}

/// A client that writes its request and closes its side at once, as scripts do.
#[tokio::test]
async fn a_request_is_carried_out_and_answered_if_the_client_ends_its_side_behind_it() {
    let (edge, own) = super::start(config(|_| {}));
    let mut subscriber = connect_tls(edge.address, &own.client()).await;
    subscriber.subscribe("news").await;
    for number in 0..20 {
        let mut stream = dial_tls(edge.address, &own.client()).await;
        let message = number.to_string();
        let event = json!({"channel": "news", "data": {"message": message}});
        let request = post("/api/events", &event.to_string());
        stream.write_all(request.as_bytes()).await.expect("send");
        stream.shutdown().await.expect("close_notify");
        assert_eq!(read_response(&mut stream).await.status, 200);
        subscriber.expect_event("news", &message).await;
    }
}
