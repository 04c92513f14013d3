//! A process that has run out of file descriptors.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{
    Binary, HANDSHAKE, dial, eventually, exchange, join_all, read_head, refusable_handshake, within,
};

/// Sends a request and reads the status; `None` if the connection ends without one.
async fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let mut stream = dial(address).await;
    let mut head = [0; 12];
    let answered = within("a status", async {
        // A server that refuses early may not read the request.
        let _ = stream.write_all(request.as_bytes()).await;
        stream.read_exact(&mut head).await
    });
    answered.await.ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const SSE: &str = "GET /sse?channel=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Connects WebSockets until one is refused, and returns them all, so that their descriptors
/// stay in use.
async fn fill(edge: &Binary) -> Vec<TcpStream> {
    let mut held = Vec::new();
    loop {
        let mut stream = dial(edge.address).await;
        let sent = within("a sent request", stream.write_all(HANDSHAKE.as_bytes())).await;
        sent.expect("send");
        let answer = read_head(&mut stream).await;
        match &answer[9..12] {
            "101" => held.push(stream),
            "503" => {
                held.push(stream);
                break;
            }
            other => panic!("{other}"),
        }
        assert!(held.len() < 64, "more connections than descriptors");
    }
    assert!(held.len() > 20, "only {} connections", held.len());
    held
}

#[tokio::test]
async fn a_server_full_of_connections_answers_health_checks_and_the_api() {
    let edge = Binary::start_with_descriptors(64).await;
    let held = fill(&edge).await;
    let handshake = refusable_handshake();
    for request in [&handshake, SSE] {
        let refused = exchange(edge.address, request.as_bytes()).await;
        refused.expect_problem(503, "too_many_connections");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    for path in ["/healthz", "/readyz", "/api/stats"] {
        assert_eq!(edge.http("GET", path, None).await.status, 200, "{path}");
    }
    // Several at once, as from a balancer and its backends.
    let mut asking = JoinSet::new();
    for _ in 0..10 {
        let address = edge.address;
        asking.spawn(async move { status(address, HEALTHZ).await });
    }
    assert_eq!(join_all("the checks", asking).await, [Some(200); 10]);
    drop(held);
    eventually("a free connection", async || {
        status(edge.address, HANDSHAKE).await == Some(101)
    })
    .await;
    let mut client = edge.connect().await;
    client.expect_silence().await;
}

/// With the soft limit, it would have room for 32 clients.
#[tokio::test]
async fn a_low_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let edge = Binary::start_with_soft_descriptors(64, 256).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(edge.connect().await);
    }
    let stats = edge.http("GET", "/api/stats", None).await.json();
    assert_eq!(stats["active_connections"], 100);
}

#[tokio::test]
async fn a_server_without_descriptors_refuses_at_once_and_recovers() {
    let edge = Binary::start_with_descriptors(64).await;
    let held = fill(&edge).await;
    // Connections that send nothing take the reserve.
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(dial(edge.address).await);
    }
    eventually("a refusal without a request", async || {
        status(edge.address, HEALTHZ).await == Some(503)
    })
    .await;
    // Many requests at once are refused soon, too.
    let mut asking = JoinSet::new();
    for _ in 0..30 {
        let address = edge.address;
        asking.spawn(async move {
            let began = Instant::now();
            (status(address, HEALTHZ).await, began.elapsed())
        });
    }
    for (answer, took) in join_all("the refusals", asking).await {
        assert_eq!(answer, Some(503));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    drop((held, silent));
    eventually("the recovery", async || {
        status(edge.address, HEALTHZ).await == Some(200)
    })
    .await;
    let mut client = edge.connect().await;
    client.expect_silence().await;
}
