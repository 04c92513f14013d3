//! A process that has run out of file descriptors.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::support::{Binary, HANDSHAKE, dial, eventually, join_all, within};

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

#[tokio::test]
async fn a_server_without_descriptors_refuses_at_once_and_recovers() {
    let edge = Binary::start_with_descriptors(64).await;
    let mut held = Vec::new();
    let full = loop {
        let mut stream = dial(edge.address).await;
        let sent = within("a sent request", stream.write_all(HANDSHAKE.as_bytes())).await;
        sent.expect("send");
        let mut status = [0; 12];
        within("an answer", stream.read_exact(&mut status))
            .await
            .expect("an answer");
        match &status[9..] {
            b"101" => held.push(stream),
            b"503" => break held.len(),
            other => panic!("{:?}", std::str::from_utf8(other)),
        }
        assert!(held.len() < 64, "more connections than descriptors");
    };
    assert!(full > 20, "only {full} connections");
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
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    drop(held);
    eventually("the recovery", async || {
        status(edge.address, HEALTHZ).await == Some(200)
    })
    .await;
    let mut client = edge.connect().await;
    client.expect_silence().await;
}
