//! Pings and pongs in both directions, and the end of clients that do not answer.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};
use wavecast::WebSocketServer;
use wavecast::transport::websocket::Stream;

use crate::support::{Binary, Client, PING, PONG, TestServer, config, eventually, frame, within};

#[tokio::test]
async fn test_ping_pong() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    // The `ping` command.
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    client
        .ask(r#"{"type":"ping","id":7}"#, r#"{"type":"pong","id":7}"#)
        .await;
    // The ping frame: its pong has the same payload.
    for payload in [&b""[..], b"abc", &[0xff; 125]] {
        client.send(&frame(PING, payload)).await;
        client.expect_pong(payload).await;
    }
}

#[tokio::test]
async fn of_many_pings_the_newest_is_answered() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let pings = (0..1000).flat_map(|number| frame(PING, format!("{number}").as_bytes()));
    client.send(&pings.collect::<Vec<u8>>()).await;
    let mut last = None;
    within("the newest pong", async {
        while last != Some(999) {
            let pong = String::from_utf8(client.next_pong().await).unwrap();
            let number: u32 = pong.parse().unwrap();
            assert!(last < Some(number), "{last:?}, then {number}");
            last = Some(number);
        }
    })
    .await;
    client.expect_silence().await;
}

/// A server for connections in memory, so that the clock can be paused: it then stands still
/// as long as anybody has something to do.
struct InMemory {
    server: Arc<WebSocketServer>,
    connections: JoinSet<()>,
}

impl InMemory {
    fn new(ping_interval: Duration, pong_timeout: Duration) -> Self {
        let server = WebSocketServer::new(config(|config| {
            config.ping_interval = ping_interval;
            config.pong_timeout = pong_timeout;
        }));
        Self {
            server: Arc::new(server),
            connections: JoinSet::new(),
        }
    }

    async fn connect(&mut self) -> Client<DuplexStream> {
        let (near, far) = duplex(1024);
        let server = self.server.clone();
        let serving = async move { server.handle_connection(Stream::other(far)).await };
        self.connections.spawn(serving);
        let mut client = Client::over(near);
        client.expect_silence().await;
        client
    }

    fn timeouts(&self) -> u64 {
        let metrics = self.server.node().metrics();
        metrics.heartbeat_timeouts_total.get()
    }
}

/// Expects a ping next, and not a Close frame.
async fn expect_ping(client: &mut Client<impl AsyncRead + AsyncWrite + Unpin>) {
    let ping = client.next_frame().await;
    assert_eq!((ping.first, ping.payload.len()), (PING, 0), "{ping:?}");
}

#[tokio::test(start_paused = true)]
async fn the_server_pings_every_interval_and_pongs_keep_a_client_alive_beyond_the_timeout() {
    let (interval, timeout) = (Duration::from_millis(640), Duration::from_secs(2));
    let mut edge = InMemory::new(interval, timeout);
    let mut client = edge.connect().await;
    expect_ping(&mut client).await;
    let began = Instant::now();
    for count in 1..=100 {
        client.send(&frame(PONG, b"")).await;
        expect_ping(&mut client).await;
        assert_eq!(began.elapsed(), interval * count);
    }
    assert!(began.elapsed() > 10 * timeout);
    client.send(&frame(PONG, b"")).await;
    client.expect_silence().await;
    assert_eq!(edge.timeouts(), 0);
}

#[tokio::test]
async fn test_heartbeat_timeout() {
    let server = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
    }))
    .await;
    let mut neighbour = server.connect().await;
    neighbour.join("general", 1).await;
    let began = Instant::now();
    let mut silent = server.connect().await;
    silent.answers_pings = false;
    silent.join("general", 2).await;
    let id = server.id_of(&silent).await;

    // A command is not a pong: only an answer to a ping keeps a connection alive.
    silent.expect_silence().await;
    neighbour.next_text().await;
    // The timeout is noticed although nothing else happens. The neighbour answers pings while
    // it reads.
    neighbour
        .expect_text(&format!(
            r#"{{"type":"user_left","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    let lived = began.elapsed();
    assert!(lived >= Duration::from_secs(1), "{lived:?}");
    assert_eq!(silent.expect_close(4001).await, "heartbeat timeout");
    silent.expect_end().await;

    neighbour.expect_silence().await;
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["heartbeat_timeouts_total"], 1);
    assert_eq!(stats["active_connections"], 1);
    // A load tester has to know when the server closes a silent client.
    assert_eq!(stats["ping_interval_ms"], 100);
    assert_eq!(stats["pong_timeout_ms"], 1000);
}

#[tokio::test]
async fn a_client_that_dies_silently_is_removed_by_the_heartbeat() {
    let server = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(50);
        config.pong_timeout = Duration::from_millis(200);
    }))
    .await;
    // This client never reads, as if its host had lost power.
    let mut dead = server.connect().await;
    dead.subscribe("news").await;
    eventually("the end of the dead client", async || {
        let stats = server.get("/api/stats").await;
        stats["active_connections"] == 0 && stats["channels"] == json!({})
    })
    .await;
    dead.expect_gone().await;
}

#[tokio::test]
async fn a_process_that_was_stopped_for_longer_than_the_timeout_closes_nobody() {
    let timeout = Duration::from_secs(3);
    let edge = Binary::start(&["--ping-interval", "200ms", "--pong-timeout", "3s"]).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(edge.connect().await);
    }
    for client in &mut clients {
        expect_ping(client).await;
    }
    edge.stop().await;
    for client in &mut clients {
        while client.has_received() {
            expect_ping(client).await;
        }
    }
    // Each has a ping that it had no time to answer, as far as the server can know.
    sleep(timeout + Duration::from_millis(500)).await;
    edge.signal(Signal::CONT);
    for client in &mut clients {
        expect_ping(client).await;
        client.send(&frame(PONG, b"")).await;
        client.expect_silence().await;
    }
    let stats = edge.http("GET", "/api/stats", None).await.json();
    assert_eq!(stats["heartbeat_timeouts_total"], 0);
}

#[tokio::test(start_paused = true)]
async fn only_time_in_which_the_server_was_running_counts() {
    let mut edge = InMemory::new(Duration::from_millis(640), Duration::from_secs(2));
    let mut client = edge.connect().await;
    for _ in 0..3 {
        expect_ping(&mut client).await;
        // The shard sees that an hour has passed since it last ran.
        advance(Duration::from_secs(3600)).await;
        expect_ping(&mut client).await;
        client.send(&frame(PONG, b"")).await;
    }
    // While it runs, the time counts. The first of these is not answered; the fourth follows
    // after 1.92 s, and after 2.56 s the client is closed.
    for _ in 0..4 {
        expect_ping(&mut client).await;
    }
    assert_eq!(edge.timeouts(), 0);
    assert_eq!(client.expect_close(4001).await, "heartbeat timeout");
    assert_eq!(edge.timeouts(), 1);
}
