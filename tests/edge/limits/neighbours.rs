//! One client floods; another one does not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::{behind_proxies, handshake};
use crate::support::{
    Client, PING, TestServer, config, eventually, frame, join_all, text_frame, within,
};
use crate::tokens::desk::{self, Desk};

/// A server with the limits that the binary has by default; one is lower, which a slow machine could not
/// reach.
async fn start() -> TestServer {
    let config = config(|config| {
        use wavecast::{Rate, RateLimit};
        let limits = &mut config.limits;
        limits.commands = Some(RateLimit::new(Rate::per_second(100), 2000));
        limits.bytes = Some(RateLimit::new(
            Rate::per_second(256 * 1024),
            2 * 1024 * 1024,
        ));
        limits.control_frames = Some(RateLimit::new(Rate::per_second(20), 100));
        limits.handshakes_per_address = Some(RateLimit::new(Rate::per_second(10), 30));
        limits.failed_auth_per_address = Some(RateLimit::new(Rate::per_minute(20), 20));
    });
    let server = desk::server(Desk::welcome_anybody, config);
    let routes = server.router().into();
    TestServer::serve(server, routes, behind_proxies()).await
}

/// What somebody does over and over: a request, and then the same bytes until the connection ends.
struct Flood {
    /// The limit that it reaches.
    limit: &'static str,
    request: String,
    bytes: Vec<u8>,
}

impl Flood {
    async fn run(self, server: Arc<TestServer>, stop: Arc<AtomicBool>) -> u32 {
        let mut ends = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut client = Client::dial(server.address).await;
            client.send_unless_closed(self.request.as_bytes()).await;
            let stream = client.stream();
            for _ in 0..50 {
                let write = tokio::io::AsyncWriteExt::write_all(stream, &self.bytes);
                if within("a write", write).await.is_err() {
                    break;
                }
                // It reads what is there, so that nothing but its limits holds it back.
                let mut answers = vec![0; 65_536];
                while stream.try_read(&mut answers).is_ok_and(|count| count > 0) {}
                tokio::task::yield_now().await;
            }
            ends += 1;
        }
        ends
    }
}

fn floods() -> [Flood; 5] {
    let flood = |limit, lines: &str, bytes| Flood {
        limit,
        request: handshake(
            "/ws",
            &format!("X-Forwarded-For: 203.0.113.{}{lines}", limit.len()),
        ),
        bytes,
    };
    let bad_token = "\r\nAuthorization: Bearer no";
    [
        flood(
            "commands",
            "",
            text_frame(r#"{"type":"ping"}"#).repeat(1000),
        ),
        flood("bytes", "", text_frame(&"x".repeat(60_000))),
        flood("control_frames", "", frame(PING, b"x").repeat(1000)),
        flood("handshakes_per_address", "", Vec::new()),
        flood("failed_auth_per_address", bad_token, Vec::new()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_is_answered_while_others_flood_each_limit() {
    let server = Arc::new(start().await);
    let mut neighbour = server.connect().await;
    neighbour.subscribe("news").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let limits = floods().map(|flood| {
        let limit = flood.limit;
        tasks.spawn(flood.run(server.clone(), stop.clone()));
        limit
    });
    let is_reached = |limit: &&str| super::limited(&server.server, limit) > 0;
    // It asks all the while.
    eventually("every limit", async || {
        neighbour
            .ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#)
            .await;
        limits.iter().all(is_reached)
    })
    .await;
    assert_eq!(server.publish("news", "still here").await, 1);
    neighbour.expect_event("news", "still here").await;
    stop.store(true, Ordering::Relaxed);
    let ends = join_all("floods", tasks).await;
    assert!(ends.into_iter().all(|ends| ends > 0));
}
