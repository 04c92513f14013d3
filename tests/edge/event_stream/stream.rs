//! Server-sent events: what a WebSocket client gets, as lines of text.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::{
    Binary, Block, EventSource, TestServer, config, eventually, exchange, read_head, roomy, within,
};

/// A socket whose kernel takes little while nobody reads from it.
pub(super) async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set SO_RCVBUF");
    socket.connect(address).await.expect("connect")
}

pub(super) async fn open(edge: &TestServer, channels: &[&str]) -> EventSource {
    let path = format!("/sse?channel={}", channels.join("&channel="));
    let mut source = EventSource::open(edge.address, &path).await;
    source.expect_subscribed(channels).await;
    source
}

pub(super) fn links(edge: &TestServer) -> usize {
    edge.server.node().hub().links()
}

#[tokio::test]
async fn a_stream_is_plain_http_and_plain_lines() {
    let edge = TestServer::start_default().await;
    let mut stream = TcpStream::connect(edge.address).await.expect("connect");
    let request = "GET /sse?channel=news&channel=k%C3%B6ln&channel=news HTTP/1.1\r\nHost: localhost\r\n\
        Accept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("send");
    assert_eq!(
        read_head(&mut stream).await,
        "HTTP/1.1 200 OK\r\n\
         content-type: text/event-stream\r\n\
         cache-control: no-store\r\n\
         x-accel-buffering: no\r\n\
         connection: close\r\n\
         transfer-encoding: chunked\r\n",
        "(without the date)"
    );
    let mut body = Vec::new();
    let has = |body: &[u8], text: &str| String::from_utf8_lossy(body).contains(text);
    while !has(&body, "köln") {
        within("the first lines", stream.read_buf(&mut body))
            .await
            .expect("read");
    }
    let text = String::from_utf8(body).expect("UTF-8");
    let (_, rest) = text.split_once("retry: ").expect("a time");
    let (retry, rest) = rest.split_once("\n\n").expect("a time");
    assert!((1000..=5000).contains(&retry.parse().expect("milliseconds")));
    let lines: Vec<&str> = rest
        .lines()
        .filter(|line| line.starts_with("data:"))
        .collect();
    // A channel that is named twice is one.
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
        config.max_topics_per_client = 3;
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
        ("/sse?channel=$secret", 400, "invalid_channel"),
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
    let posted = edge.http("POST", "/sse?channel=news", None).await;
    posted.expect_problem(405, "method_not_allowed");
    eventually("no client is left over", async || links(&edge) == 0).await;
    assert_eq!(edge.get("/api/stats").await["active_connections"], 0);
}

#[tokio::test]
async fn channels_are_bounded_whatever_a_client_may_have() {
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
async fn connections_are_counted_and_bounded_together() {
    let edge = TestServer::start(config(|config| config.max_connections = 2)).await;
    let websocket = edge.connect().await;
    let source = open(&edge, &["news"]).await;
    let refused = edge.http("GET", "/sse?channel=news", None).await;
    refused.expect_problem(503, "too_many_connections");
    drop(source);
    eventually("a free place", async || links(&edge) == 1).await;
    drop(open(&edge, &["news"]).await);
    drop(websocket);
}

#[tokio::test]
async fn a_stream_is_a_connection_like_any_other() {
    let edge = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut source =
        EventSource::open(edge.address, "/sse?channel=news&channel=$all&user=ann").await;
    source.expect_subscribed(&["news", "$all"]).await;
    let list = edge.get("/api/connections").await;
    let found = &list["connections"][0];
    assert_eq!(list["total"], 1);
    assert_eq!(found["transport"], "sse");
    assert_eq!(found["user"], "ann");
    assert_eq!(found["remote"], source.local_addr().to_string());
    assert_eq!(found["channels"], json!(["$user:ann", "news"]));
    let stats = edge.get("/api/stats").await;
    assert_eq!(stats["active_connections"], 1);
    assert_eq!(stats["channels"], json!({"news": 1}));

    for body in [
        json!({"user": "ann", "data": {"n": 1}}),
        json!({"broadcast": true, "data": {"n": 2}}),
        json!({"channel": "news", "data": {"n": 3}}),
    ] {
        assert_eq!(
            edge.post("/api/events", &body).await.json()["subscribers"],
            1
        );
    }
    for (channel, n) in [("$user:ann", 1), ("$all", 2), ("news", 3)] {
        let event = source.next_json().await;
        assert_eq!(
            (&event["channel"], &event["data"]["n"]),
            (&json!(channel), &json!(n))
        );
    }

    let id = found["id"].as_str().unwrap();
    let path = format!("/api/connections/{id}?reason=maintenance");
    assert_eq!(edge.http("DELETE", &path, None).await.status, 204);
    assert_eq!(source.expect_close(4000).await, "maintenance");
    drop(source);
    eventually("the end", async || links(&edge) == 0).await;
}

#[tokio::test]
async fn who_goes_away_is_forgotten_at_once_however_it_goes() {
    let edge = TestServer::start_default().await;
    let gone = async |what: &str| {
        let began = Instant::now();
        eventually(what, async || {
            let channels = edge
                .server
                .node()
                .hub()
                .topics(wavecast::hub::TopicKind::Channel);
            links(&edge) == 0 && channels.is_empty()
        })
        .await;
        assert!(began.elapsed() < Duration::from_secs(2), "{what}");
    };
    drop(open(&edge, &["a", "b"]).await);
    gone("a FIN").await;
    let mut source = open(&edge, &["a", "b"]).await;
    source.stream().shutdown().await.expect("shut down");
    gone("the end of its side").await;
    let mut source = open(&edge, &["a", "b"]).await;
    let linger = Some(Duration::ZERO);
    SockRef::from(&*source.stream())
        .set_linger(linger)
        .expect("set SO_LINGER");
    drop(source);
    gone("a reset").await;
    // Before a byte of the answer was read.
    let mut stream = TcpStream::connect(edge.address).await.expect("connect");
    let request = "GET /sse?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("send");
    drop(stream);
    gone("a client that did not wait").await;
    let head = edge.http("HEAD", "/sse?channel=a", None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    gone("a HEAD").await;
}

#[tokio::test]
async fn what_a_client_says_is_thrown_away_until_it_is_too_much() {
    let edge = TestServer::start_default().await;
    let mut source = open(&edge, &["news"]).await;
    let chatter = [b'x'; 10_000];
    source.stream().write_all(&chatter).await.expect("send");
    edge.publish("news", "still there").await;
    assert_eq!(source.next_json().await["data"]["message"], "still there");
    while links(&edge) > 0 {
        let sent = within(
            "a socket that takes bytes",
            source.stream().write_all(&chatter),
        );
        if sent.await.is_err() {
            break;
        }
    }
    eventually("the end", async || links(&edge) == 0).await;
}

#[tokio::test]
async fn a_kept_connection_can_become_a_stream_and_http_1_0_gets_one_too() {
    let edge = TestServer::start_default().await;
    let mut stream = TcpStream::connect(edge.address).await.expect("connect");
    // The first answer is still on its way when the second request is there.
    let both = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\
        GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(both.as_bytes()).await.expect("send");
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let mut health = [0; 3];
    stream.read_exact(&mut health).await.expect("read");
    assert_eq!(&health, b"ok\n");
    let mut kept = EventSource::over(stream, "").await;
    kept.expect_subscribed(&["news"]).await;

    let stream = TcpStream::connect(edge.address).await.expect("connect");
    let mut old = EventSource::over(stream, "GET /sse?channel=news HTTP/1.0\r\n\r\n").await;
    assert!(!old.head.contains("chunked"), "{}", old.head);
    old.expect_subscribed(&["news"]).await;
    edge.publish("news", "for both").await;
    for source in [&mut kept, &mut old] {
        assert_eq!(source.next_json().await["data"]["message"], "for both");
    }
    let server = edge.server.clone();
    let draining = JoinSet::from_iter([async move { server.drain().await }]);
    for source in [&mut kept, &mut old] {
        assert_eq!(source.next_json().await["channel"], "$system");
        assert_eq!(source.expect_close(1001).await, "shutdown");
    }
    drop((kept, old));
    assert_eq!(within("the drain", draining.join_all()).await, [0]);
}

#[tokio::test]
async fn a_comment_comes_every_interval_and_reading_it_is_life_enough() {
    let edge = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
    }))
    .await;
    let mut source = open(&edge, &["news"]).await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(source.next_block().await, Some(Block::Comment));
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1600), "{took:?}");
    edge.publish("news", "long after the timeout").await;
    while source.next_block().await == Some(Block::Comment) {}
    assert_eq!(links(&edge), 1);
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_so_long_is_closed() {
    let edge = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
        config.outbox_messages = 10_000;
        config.outbox_bytes = 64 * 1024 * 1024;
    }))
    .await;
    let request = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stalled = EventSource::over(narrow(edge.address).await, request).await;
    for number in 0..100 {
        let data = json!({"number": number, "padding": "x".repeat(20_000)});
        edge.server.publish("news", &data).await.expect("publish");
    }
    eventually("the end", async || links(&edge) == 0).await;
    let metrics = edge.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0, "its outbox had room");
    drop(stalled);
}

#[tokio::test]
async fn everybody_sees_one_order_under_load_and_large_events_whole() {
    const EVENTS: usize = 1500;
    let edge = TestServer::start(roomy()).await;
    let mut sources = Vec::new();
    for _ in 0..5 {
        sources.push(open(&edge, &["a", "b"]).await);
    }
    let mut websocket = edge.connect().await;
    websocket.subscribe("a").await;
    websocket.subscribe("b").await;
    let mut publishing = JoinSet::new();
    for publisher in 0..3 {
        let server = edge.server.clone();
        publishing.spawn(async move {
            for number in 0..EVENTS {
                let channel = if number % 2 == 0 { "a" } else { "b" };
                // Every hundredth is larger than a pipe.
                let padding = "p".repeat(if number % 100 == 99 {
                    40_000
                } else {
                    number % 50
                });
                let data = json!({"publisher": publisher, "number": number, "padding": padding});
                server.publish(channel, &data).await.expect("publish");
            }
        });
    }
    let mut reading = JoinSet::new();
    for mut source in sources {
        reading.spawn(async move {
            let mut events = Vec::new();
            while events.len() < 3 * EVENTS {
                events.push(source.next_text().await);
            }
            events
        });
    }
    let mut expected = Vec::new();
    while expected.len() < 3 * EVENTS {
        expected.push(websocket.next_text().await);
    }
    publishing.join_all().await;
    let of = |events: &[String], channel: &str| -> Vec<String> {
        let head = format!(r#"{{"type":"event","channel":"{channel}""#);
        events
            .iter()
            .filter(|event| event.starts_with(&head))
            .cloned()
            .collect()
    };
    let streams = reading.join_all().await;
    for stream in &streams {
        for channel in ["a", "b"] {
            // Not `assert_eq!`: it would print megabytes.
            assert!(
                of(stream, channel) == of(&expected, channel),
                "channel {channel}"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_read_where_the_operator_says_so() {
    let edge = Binary::start(&["--cors-origin", "https://app.example"]).await;
    let origin = "Origin: https://app.example\r\n";
    let source = EventSource::open_with(edge.address, "/sse?channel=news", origin).await;
    let allowed = "access-control-allow-origin: https://app.example\r\n";
    assert!(source.head.contains(allowed), "{}", source.head);
    // A reader that is no browser's own asks first.
    let preflight = "OPTIONS /sse?channel=news HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n\
        Access-Control-Request-Headers: last-event-id\r\n\r\n";
    let answer = exchange(edge.address, preflight.as_bytes()).await;
    let headers = answer
        .header("access-control-allow-headers")
        .expect("headers");
    assert!(headers.contains("last-event-id"), "{headers}");
}
