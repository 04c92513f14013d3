//! Graceful shutdown: every client is told, nothing that was accepted is lost, the process
//! exits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::task::JoinSet;
use tokio::time::sleep;
use wavecast::WebSocketServer;
use wavecast::transport::websocket::Stream;

use crate::support::{
    Binary, CLOSE, Client, TestServer, close_frame, config, eventually, exchange, frame, join_all,
    publish, refusable_handshake,
};

/// Expects the notice of a shutdown. With few clients, its window is the shortest.
pub async fn expect_notice(client: &mut Client<impl AsyncRead + AsyncWrite + Unpin>) {
    assert_eq!(next_window(client).await, 1000);
}

/// Expects the notice of a shutdown and returns its reconnection window in milliseconds.
async fn next_window(client: &mut Client<impl AsyncRead + AsyncWrite + Unpin>) -> u64 {
    let text = client.next_text().await;
    let notice: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let data = &notice["data"];
    let window = data["reconnect_within_ms"].as_u64().expect("a number");
    let expected = format!(
        r#"{{"type":"event","channel":"$system","event":"shutdown","data":{{"id":{},"timestamp":{},"message":"The server is shutting down","reconnect_within_ms":{window}}}}}"#,
        data["id"], data["timestamp"]
    );
    assert_eq!(text, expected);
    window
}

#[tokio::test]
async fn test_graceful_shutdown() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut edge = Binary::start(&[]).await;
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(edge.connect().await);
        }
        clients[0].join("general", 1).await;
        clients[1].subscribe("news").await;
        edge.signal(signal);
        for mut client in clients {
            expect_notice(&mut client).await;
            assert_eq!(client.expect_close(1001).await, "shutdown");
            client.expect_end().await;
            client.send_unless_closed(&close_frame(1001, "")).await;
        }
        assert_eq!(edge.exit_code().await, 0);
        assert_eq!(edge.stderr(), "");
    }
}

#[tokio::test]
async fn a_binary_without_clients_exits_at_once() {
    let mut edge = Binary::start(&["--drain-timeout", "1h"]).await;
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
}

/// Publishes `batches` of 50 events of `size` bytes, each batch acknowledged.
async fn publish_batches(edge: &Binary, batches: usize, size: usize) {
    for batch in 0..batches {
        let events = (batch * 50..batch * 50 + 50)
            .map(|at| json!({"channel": "news", "id": at.to_string(), "data": "x".repeat(size)}));
        let body = json!({"events": events.collect::<Vec<_>>()});
        let response = edge.http("POST", "/api/events/batch", Some(&body)).await;
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

#[tokio::test]
async fn every_acknowledged_event_arrives_before_the_close_even_for_a_late_reader() {
    let mut edge = Binary::start(&["--outbox-bytes", "8MiB", "--outbox-messages", "5000"]).await;
    let (mut late, mut prompt) = (edge.connect().await, edge.connect().await);
    late.subscribe("news").await;
    prompt.subscribe("news").await;
    // 2 MiB, far more than the kernel buffers for a client that does not read.
    publish_batches(&edge, 20, 2000).await;
    edge.signal(Signal::TERM);
    for client in [&mut prompt, &mut late] {
        for at in 0..1000 {
            assert_eq!(client.next_json().await["data"]["id"], at.to_string());
        }
        expect_notice(client).await;
        client.expect_close(1001).await;
        client.expect_end().await;
    }
    drop((late, prompt));
    assert_eq!(edge.exit_code().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_late_reader_until_its_timeout() {
    // In memory, so that the clock can be advanced: the reader starts after 20 s of 30.
    let server = WebSocketServer::new(config(|_| {}));
    let server = Arc::new(server);
    let (near, far) = duplex(1024);
    let mut tasks = JoinSet::new();
    let edge = server.clone();
    tasks.spawn(async move { edge.handle_connection(Stream::other(far)).await });
    let mut late = Client::over(near);
    late.subscribe("news").await;
    for at in 0..100 {
        let data = json!({"at": at, "padding": "x".repeat(1000)});
        assert_eq!(publish(&server, "news", &data).await.subscribers, 1);
    }
    let edge = server.clone();
    let draining = JoinSet::from_iter([async move { edge.drain().await }]);
    sleep(Duration::from_secs(20)).await;
    for at in 0..100 {
        assert_eq!(late.next_json().await["data"]["at"], at);
    }
    assert_eq!(late.next_json().await["channel"], "$system");
    late.expect_close(1001).await;
    late.expect_end().await;
    drop(late);
    assert_eq!(join_all("the drain", draining).await, [0]);
}

#[tokio::test]
async fn the_reconnection_window_depends_on_the_number_of_connections() {
    let mut edge = Binary::start(&["--reconnect-rate", "10"]).await;
    let mut clients = Vec::new();
    for _ in 0..25 {
        clients.push(edge.connect().await);
    }
    // A client that has left does not reconnect.
    clients.pop().expect("a client").close().await;
    eventually("the end of its connection", async || {
        let stats = edge.http("GET", "/api/stats", None).await.json();
        stats["active_connections"] == 24
    })
    .await;
    edge.signal(Signal::TERM);
    for client in &mut clients {
        assert_eq!(next_window(client).await, 2400);
        client.expect_close(1001).await;
    }
    drop(clients);
    assert_eq!(edge.exit_code().await, 0);
}

/// The clock stands still as long as anybody has something to do, so the times are exact.
#[tokio::test(start_paused = true)]
async fn closes_are_paced() {
    let server = WebSocketServer::new(config(|config| config.drain.rate = 100));
    let server = Arc::new(server);
    let (mut connections, mut clients) = (JoinSet::new(), Vec::new());
    for _ in 0..20 {
        let (near, far) = duplex(1024);
        let edge = server.clone();
        connections.spawn(async move { edge.handle_connection(Stream::other(far)).await });
        let mut client = Client::over(near);
        client.expect_silence().await;
        clients.push(client);
    }
    let (began, mut reading) = (tokio::time::Instant::now(), JoinSet::new());
    for mut client in clients {
        reading.spawn(async move {
            expect_notice(&mut client).await;
            client.expect_close(1001).await;
            began.elapsed().as_millis()
        });
    }
    let draining = JoinSet::from_iter([async move { server.drain().await }]);
    let mut times = join_all("the readers", reading).await;
    times.sort_unstable();
    // 100 per second are five every 50 ms.
    let expected = [0, 50, 100, 150].into_iter();
    let expected: Vec<u128> = expected.flat_map(|at| [at; 5]).collect();
    assert_eq!(times, expected);
    assert_eq!(join_all("the drain", draining).await, [0]);
}

/// One per second would close one of them. The clock stands still as above.
#[tokio::test(start_paused = true)]
async fn closes_are_faster_than_their_pace_where_the_timeout_would_not_suffice() {
    let server = WebSocketServer::new(config(|config| {
        config.drain.rate = 1;
        config.drain.timeout = Duration::from_secs(1);
    }));
    let server = Arc::new(server);
    let (mut connections, mut reading) = (JoinSet::new(), JoinSet::new());
    for _ in 0..50 {
        let (near, far) = duplex(1024);
        let edge = server.clone();
        connections.spawn(async move { edge.handle_connection(Stream::other(far)).await });
        let mut client = Client::over(near);
        client.expect_silence().await;
        reading.spawn(async move {
            expect_notice(&mut client).await;
            client.expect_close(1001).await
        });
    }
    let draining = JoinSet::from_iter([async move { server.drain().await }]);
    assert_eq!(join_all("the readers", reading).await, ["shutdown"; 50]);
    assert_eq!(join_all("the drain", draining).await, [0]);
}

#[tokio::test]
async fn a_client_that_never_answers_the_close_is_disconnected_at_the_deadline() {
    let mut edge = Binary::start(&["--drain-timeout", "600ms", "--close-timeout", "1h"]).await;
    let mut stubborn = edge.connect().await;
    let began = Instant::now();
    edge.signal(Signal::TERM);
    expect_notice(&mut stubborn).await;
    stubborn.expect_close(1001).await;
    stubborn.expect_end().await;
    assert_eq!(edge.exit_code().await, 0);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_client_that_never_reads_is_disconnected_at_the_deadline() {
    let mut edge = Binary::start(&["--drain-timeout", "600ms", "--outbox-bytes", "8MiB"]).await;
    let mut stalled = edge.connect().await;
    stalled.subscribe("news").await;
    publish_batches(&edge, 10, 8000).await;
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    drop(stalled);
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let mut edge = Binary::start(&["--drain-timeout", "1h", "--close-timeout", "1h"]).await;
        let mut stubborn = edge.connect().await;
        edge.signal(Signal::TERM);
        expect_notice(&mut stubborn).await;
        stubborn.expect_close(1001).await;
        edge.signal(second);
        assert_eq!(edge.exit_code().await, 130);
    }
}

#[tokio::test]
async fn a_draining_binary_says_so_and_refuses_everything_new() {
    let mut edge = Binary::start(&[]).await;
    let mut stubborn = edge.connect().await;
    stubborn.subscribe("news").await;
    edge.signal(Signal::TERM);
    expect_notice(&mut stubborn).await;
    stubborn.expect_close(1001).await;
    // The port stays open during a drain, so that every request is answered.
    let ready = edge.http("GET", "/readyz", None).await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    assert_eq!(edge.http("GET", "/healthz", None).await.status, 200);
    let event = json!({"channel": "news", "data": 1});
    let refused = edge.http("POST", "/api/events", Some(&event)).await;
    refused.expect_problem(503, "draining");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let upgrade = refusable_handshake();
    exchange(edge.address, upgrade.as_bytes())
        .await
        .expect_problem(503, "draining");
    drop(stubborn);
    assert_eq!(edge.exit_code().await, 0);
}

#[tokio::test]
async fn a_server_in_this_process_drains_too() {
    let server = TestServer::start(config(|config| {
        config.drain.timeout = Duration::from_secs(5);
    }))
    .await;
    let mut clients = server.connect_many(3).await;
    let edge = server.server.clone();
    let draining = JoinSet::from_iter([async move { edge.drain().await }]);
    for client in &mut clients {
        expect_notice(client).await;
        client.expect_close(1001).await;
        // Nothing follows a Close frame.
        client.expect_end().await;
        client.send_unless_closed(&frame(CLOSE, b"")).await;
    }
    drop(clients);
    assert_eq!(join_all("the drain", draining).await, [0]);
}
