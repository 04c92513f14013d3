//! An event stream as a connection: counted, listed, kept alive, cleaned up.

use std::time::{Duration, Instant};

use serde_json::json;
use socket2::SockRef;
use tokio::io::AsyncWriteExt as _;

use crate::support::{
    Block, Client, EventSource, InTime as _, TestServer, config, eventually, exchange, within,
};

#[tokio::test]
async fn event_streams_and_websockets_share_one_connection_limit() {
    let edge = TestServer::start(config(|config| config.connections.max = 2)).await;
    let websocket = edge.connect().await;
    let source = EventSource::subscribe(edge.address, &["news"]).await;
    let refused = edge.http("GET", "/sse?channel=news", None).await;
    refused.expect_problem(503, "too_many_connections");
    // A browser is told to come back, which it would not do after any status but 200.
    let accept = "Accept: */*\r\nAccept: text/html, Text/Event-Stream;q=0.9\r\n";
    let mut browser = EventSource::open_with(edge.address, "/sse?channel=news", accept).await;
    assert_eq!(browser.expect_close(1013).await, "Too many connections");
    drop(source);
    eventually("a free connection", async || edge.links() == 1).await;
    drop(EventSource::subscribe(edge.address, &["news"]).await);
    let invalid = "GET /sse?channel= HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
        Accept: text/event-stream\r\n\r\n";
    let invalid = exchange(edge.address, invalid.as_bytes()).await;
    invalid.expect_problem(400, "invalid_channel");
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
    eventually("the end of the connection", async || edge.links() == 0).await;
}

#[tokio::test]
async fn a_comment_arrives_every_interval_and_a_client_that_reads_it_stays_connected() {
    let edge = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
    }))
    .await;
    // From before its first interval on.
    let began = Instant::now();
    let mut source = EventSource::subscribe(edge.address, &["news"]).await;
    for _ in 0..20 {
        assert_eq!(source.next_block().await, Some(Block::Comment));
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1600), "{took:?}");
    edge.publish("news", "long after the timeout").await;
    source.next_event().await;
    assert_eq!(edge.links(), 1);
}

#[tokio::test]
async fn input_from_a_client_is_discarded_until_it_is_too_much() {
    let edge = TestServer::start_default().await;
    let mut source = EventSource::subscribe(edge.address, &["news"]).await;
    let input = [b'x'; 10_000];
    source.send(&input).await;
    edge.publish("news", "still there").await;
    assert_eq!(source.next_json().await["data"]["message"], "still there");
    within("the end of the connection", async {
        while edge.links() > 0 && source.stream().write_all(&input).await.is_ok() {}
    })
    .await;
    eventually("the end of the connection", async || edge.links() == 0).await;
}

/// Opens a stream that reads nothing, publishes this many events to it, more than its kernel takes,
/// and closes it. It may have sent nearly as much as a stream may while it is open.
async fn close_unread(events: usize) -> (TestServer, EventSource) {
    let edge = TestServer::start(config(|config| {
        // Only the client ends the connection.
        config.connections.close_timeout = Duration::from_secs(600);
        config.engine.shards = 1;
    }))
    .await;
    let mut source = EventSource::open_with_small_buffer(edge.address, "/sse?channel=news").await;
    source.send(&vec![b'x'; 50_000]).await;
    for _ in 0..events {
        edge.publish("news", &"x".repeat(12_000)).await;
    }
    let list = edge.get("/api/connections").await;
    let id = list["connections"][0]["id"].as_str().expect("an id");
    let path = format!("/api/connections/{id}?reason=maintenance");
    assert_eq!(edge.http("DELETE", &path, None).await.status, 204);
    (edge, source)
}

async fn expect_all(edge: &TestServer, mut source: EventSource, events: usize) {
    source.expect_subscribed(&["news"]).await;
    for _ in 0..events {
        assert_eq!(source.next_json().await["channel"], "news");
    }
    assert_eq!(source.expect_close(4000).await, "maintenance");
    drop(source);
    eventually("the end of the connection", async || edge.links() == 0).await;
}

/// The reason is still in the server's kernel, and a reset would discard it.
#[tokio::test]
async fn the_reason_for_the_end_arrives_though_the_client_keeps_sending() {
    let (edge, mut source) = close_unread(1).await;
    eventually("the end of its subscription", async || {
        edge.get("/api/stats").await["channels"] == json!({})
    })
    .await;
    for _ in 0..10 {
        source.send(&vec![b'x'; 50_000]).await;
        // Its task reads before another request is answered.
        edge.get("/api/stats").await;
    }
    expect_all(&edge, source, 1).await;
}

#[tokio::test]
async fn the_reason_for_the_end_arrives_though_the_client_sends_much_before_it_is_written() {
    let (edge, mut source) = close_unread(10).await;
    // Its shard carries this out after the Close.
    let mut other = edge.connect().await;
    other.subscribe("other").await;
    drop(other);
    source.send(&vec![b'x'; 30_000]).await;
    expect_all(&edge, source, 10).await;
}

#[tokio::test]
async fn a_client_that_disconnects_in_any_way_is_removed_at_once() {
    let edge = TestServer::start_default().await;
    let gone = async |what: &str| {
        // Long before the next heartbeat.
        eventually(what, async || {
            let channels = edge
                .server
                .node()
                .hub()
                .topics(wavecast::protocol::TopicKind::Channel);
            edge.links() == 0 && channels.is_empty()
        })
        .await;
    };
    drop(EventSource::subscribe(edge.address, &["a", "b"]).await);
    gone("a closed socket").await;
    let mut source = EventSource::subscribe(edge.address, &["a", "b"]).await;
    source
        .stream()
        .shutdown()
        .in_time()
        .await
        .expect("shut down");
    gone("a FIN").await;
    let mut source = EventSource::subscribe(edge.address, &["a", "b"]).await;
    let linger = Some(Duration::ZERO);
    SockRef::from(&*source.stream())
        .set_linger(linger)
        .expect("set SO_LINGER");
    drop(source);
    gone("a reset").await;
    // The client leaves before it has read a byte of the answer.
    let mut client = Client::dial(edge.address).await;
    client
        .send(b"GET /sse?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    drop(client);
    gone("a client that does not wait for the answer").await;
    let head = edge.http("HEAD", "/sse?channel=a", None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    gone("a HEAD").await;
}
