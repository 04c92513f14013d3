//! Pings and pongs in both directions, and the end of clients that do not answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{PING, PONG, TestServer, config, eventually, frame, within};

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

#[tokio::test]
async fn the_server_pings_every_interval() {
    let server = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(5);
    }))
    .await;
    let mut client = server.connect().await;
    let mut times = Vec::new();
    for _ in 0..4 {
        let ping = client.next_frame().await;
        assert_eq!((ping.first, ping.payload.len()), (PING, 0));
        client.send(&frame(PONG, &ping.payload)).await;
        times.push(Instant::now());
    }
    let three_intervals = times[3] - times[0];
    assert!(
        three_intervals > Duration::from_millis(200),
        "{three_intervals:?}"
    );
    assert!(
        three_intervals < Duration::from_secs(2),
        "{three_intervals:?}"
    );
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
}

#[tokio::test]
async fn pongs_keep_a_client_alive_beyond_the_timeout() {
    let server = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_secs(1);
    }))
    .await;
    let mut client = server.connect().await;
    client.join("general", 1).await;
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < Duration::from_millis(2500) {
        let ping = client.next_frame().await;
        assert_eq!(ping.first, PING);
        client.send(&frame(PONG, &ping.payload)).await;
        pings += 1;
    }
    assert!(pings >= 10, "{pings}");
    client.expect_silence().await;
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["heartbeat_timeouts_total"], 0);
    // Whoever tests the server needs to know when it closes a silent client.
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
