//! How a client opens an event stream, and what it reads first.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::support::{
    Binary, EventSource, TestServer, config, dial, eventually, exchange, join_all, read_head,
    within, without_history,
};

#[tokio::test]
async fn a_stream_is_a_plain_http_response_with_lines_of_text() {
    let edge = TestServer::start(without_history()).await;
    let mut stream = dial(edge.address).await;
    let request = "GET /sse?channel=news&channel=k%C3%B6ln&channel=news HTTP/1.1\r\nHost: localhost\r\n\
        Accept: text/event-stream\r\n\r\n";
    let sent = within("a sent request", stream.write_all(request.as_bytes())).await;
    sent.expect("send");
    assert_eq!(
        read_head(&mut stream).await,
        "HTTP/1.1 200 OK\r\n\
         content-type: text/event-stream\r\n\
         cache-control: no-store, no-transform\r\n\
         x-accel-buffering: no\r\n\
         connection: close\r\n\
         transfer-encoding: chunked\r\n",
        "(without the date)"
    );
    let mut body = Vec::new();
    let has = |body: &[u8], text: &str| String::from_utf8_lossy(body).contains(text);
    within("the first lines", async {
        while !has(&body, "köln") {
            let read = stream.read_buf(&mut body).await.expect("read");
            assert_ne!(read, 0, "the stream ended");
        }
    })
    .await;
    let text = String::from_utf8(body).expect("UTF-8");
    let (_, rest) = text.split_once("retry: ").expect("a reconnection time");
    let (retry, rest) = rest.split_once("\n\n").expect("an empty line");
    assert!((1000..=5000).contains(&retry.parse().expect("milliseconds")));
    let lines: Vec<&str> = rest
        .lines()
        .filter(|line| line.starts_with("data:"))
        .collect();
    // A channel that is named twice is subscribed to once.
    assert_eq!(
        lines,
        [
            r#"data: {"type":"subscribed","channel":"news"}"#,
            r#"data: {"type":"subscribed","channel":"köln"}"#,
        ]
    );
    let event = json!({"channel": "news", "id": "e1", "event": "order.created", "data": {"n": 1}});
    let published = edge.post("/api/events", &event).await.json();
    assert_eq!(published["subscribers"], 1);
    let timestamp = published["timestamp"].as_str().unwrap();
    let expected = format!(
        "data: {{\"type\":\"event\",\"channel\":\"news\",\"event\":\"order.created\",\
         \"data\":{{\"id\":\"e1\",\"timestamp\":\"{timestamp}\",\"n\":1}}}}\n\n"
    );
    let expected = format!("{:x}\r\n{expected}\r\n", expected.len());
    let mut chunk = vec![0; expected.len()];
    within("a chunk", stream.read_exact(&mut chunk))
        .await
        .expect("read");
    assert_eq!(String::from_utf8(chunk).unwrap(), expected);
}

#[tokio::test]
async fn a_request_is_refused_before_a_stream_begins() {
    let edge = TestServer::start(config(|config| {
        config.limits.topics_per_client = 3;
        config.trust_user_parameter = true;
    }))
    .await;
    let long = format!("/sse?channel={}", "x".repeat(201));
    for (path, status, code) in [
        ("/sse", 400, "missing_field"),
        ("/sse?topic=news", 400, "missing_field"),
        ("/sse?channel=", 400, "invalid_channel"),
        ("/sse?channel=news&channel=a%07b", 400, "invalid_channel"),
        (long.as_str(), 400, "invalid_channel"),
        ("/sse?channel=$secret", 403, "forbidden"),
        ("/sse?channel=news&channel=$user:bob", 403, "forbidden"),
        ("/sse?channel=$user:bob&user=ann", 403, "forbidden"),
        ("/sse?channel=news&user=", 400, "invalid_user"),
        (
            "/sse?channel=a&channel=b&channel=c&channel=d",
            409,
            "too_many_topics",
        ),
    ] {
        let response = edge.http("GET", path, None).await;
        let detail = response.expect_problem(status, code);
        assert!(!detail.is_empty(), "{path}");
    }
    let misspelt = edge.http("GET", "/sse?chanel=news", None).await;
    assert_eq!(
        misspelt.expect_problem(400, "missing_field"),
        "at least one channel is required, as in /sse?channel=news; did you mean `channel`?"
    );
    let posted = edge.http("POST", "/sse?channel=news", None).await;
    posted.expect_problem(405, "method_not_allowed");
    eventually("the end of all connections", async || edge.links() == 0).await;
    assert_eq!(edge.get("/api/stats").await["active_connections"], 0);
}

#[tokio::test]
async fn a_request_names_at_most_256_channels() {
    let edge = TestServer::start_default().await;
    let named = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("channel=c{at}")).collect();
        format!("/sse?{}", names.join("&"))
    };
    let response = edge.http("GET", &named(257), None).await;
    response.expect_problem(409, "too_many_topics");
    let mut source = EventSource::open(edge.address, &named(256)).await;
    for at in 0..256 {
        source.expect_subscribed(&[&format!("c{at}")]).await;
    }
    assert_eq!(edge.publish("c255", "the last").await, 1);
    assert_eq!(source.next_json().await["data"]["message"], "the last");
}

#[tokio::test]
async fn a_reused_connection_and_http_1_0_can_open_a_stream() {
    let edge = TestServer::start_default().await;
    let mut stream = dial(edge.address).await;
    // The second request arrives before the first is answered.
    let both = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\
        GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let sent = within("two sent requests", stream.write_all(both.as_bytes())).await;
    sent.expect("send");
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let mut health = [0; 3];
    let read = within("the first answer", stream.read_exact(&mut health)).await;
    read.expect("read");
    assert_eq!(&health, b"ok\n");
    let mut reused = EventSource::over(stream, "").await;
    reused.expect_subscribed(&["news"]).await;

    let stream = dial(edge.address).await;
    let request = "GET /sse?channel=news HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut old = EventSource::over(stream, request).await;
    assert!(!old.head.contains("chunked"), "{}", old.head);
    let lines = old.head.lines();
    let connection = lines.filter(|line| line.starts_with("connection:"));
    assert_eq!(connection.collect::<Vec<_>>(), ["connection: close"]);
    old.expect_subscribed(&["news"]).await;
    edge.publish("news", "for both").await;
    for source in [&mut reused, &mut old] {
        assert_eq!(source.next_json().await["data"]["message"], "for both");
    }
    let server = edge.server.clone();
    let draining = JoinSet::from_iter([async move { server.drain().await }]);
    for source in [&mut reused, &mut old] {
        assert_eq!(source.next_json().await["channel"], "$system");
        assert_eq!(source.expect_close(1001).await, "shutdown");
    }
    drop((reused, old));
    assert_eq!(join_all("the drain", draining).await, [0]);
}

#[tokio::test]
async fn pages_of_configured_origins_may_read_a_stream() {
    let app = "https://app.example";
    let edge = Binary::start(&["--cors-origin", app, "--origin", app]).await;
    let origin = "Origin: https://app.example\r\n";
    let source = EventSource::open_with(edge.address, "/sse?channel=news", origin).await;
    let allowed = "access-control-allow-origin: https://app.example\r\n";
    assert!(source.head.contains(allowed), "{}", source.head);
    // A client other than `EventSource` sends a preflight request first.
    let preflight = "OPTIONS /sse?channel=news HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n\
        Access-Control-Request-Headers: last-event-id\r\n\r\n";
    let answer = exchange(edge.address, preflight.as_bytes()).await;
    let headers = answer
        .header("access-control-allow-headers")
        .expect("headers");
    assert!(headers.contains("last-event-id"), "{headers}");
}
