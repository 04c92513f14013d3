//! Replays while publishing goes on: no gap, no duplicate, nobody else delayed, and what
//! is lost beyond a bound is said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wavecast::WebSocketConfig;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::recovery::resuming::{Position, remembering, subscribe_with};
use crate::support::{CLOSE, Client, PING, TEXT, TestServer, eventually, frame};

/// A client whose kernel takes little while it does not read.
async fn connect_narrow(address: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set SO_RCVBUF");
    let mut client = Client::over(socket.connect(address).await.expect("connect"));
    client.send(crate::support::HANDSHAKE.as_bytes()).await;
    client.expect_upgrade().await;
    client
}

/// Publishes `{"number": …}` until it is told to stop, and noise between; returns how many.
async fn publish_until(server: &TestServer, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let data = json!({"number": number});
        server.server.publish("news", &data).await.expect("publish");
        if u64::is_multiple_of(number, 3) {
            server
                .server
                .publish("noise", &data)
                .await
                .expect("publish");
        }
        if u64::is_multiple_of(number, 20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    number
}

/// Expects the publication that follows `position` and moves it on.
fn follow(position: &mut Position, event: &Value) {
    assert_eq!(event["offset"], position.offset + 1, "{event}");
    assert_eq!(event["data"]["number"], position.offset + 1, "{event}");
    position.offset += 1;
}

/// Comes back again and again, in every way a connection can end, and reads on.
async fn blink(
    address: SocketAddr,
    who: u64,
    mut position: Position,
    quiet: Arc<AtomicBool>,
) -> (Position, u64) {
    let mut blinks = 0;
    loop {
        let mut client = Client::connect(address, "/ws").await;
        let done = quiet.load(Ordering::Relaxed);
        let answer = subscribe_with(&mut client, "news", json!({"since": position.since()})).await;
        assert_eq!(answer["recovered"], true, "{answer}");
        let newest = Position::of(&answer);
        // Some leave in the middle of the replay, some go live first.
        let until = match (blinks + who) % 3 {
            0 if !done => position.offset + (newest.offset - position.offset) / 2,
            1 if !done => newest.offset + 20,
            _ => newest.offset,
        };
        while position.offset < until {
            let next = timeout(Duration::from_millis(500), client.next_json());
            let Ok(event) = next.await else {
                // Publishing has stopped.
                break;
            };
            follow(&mut position, &event);
        }
        if done {
            return (position, blinks);
        }
        if who.is_multiple_of(2) {
            client.reset();
        } else {
            drop(client);
        }
        blinks += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_blink_under_load_have_every_event_once_and_in_order() {
    let server = Arc::new(TestServer::start(remembering(1_000_000)).await);
    let mut steady = server.connect().await;
    let start =
        Position::of(&subscribe_with(&mut steady, "news", json!({"positions": true})).await);
    let [stop, quiet] = [false, false].map(|set| Arc::new(AtomicBool::new(set)));
    let mut bystanders = JoinSet::new();
    for mut other in server.connect_many(2).await {
        // A broadcast to another channel parts a shard's run of them.
        other.subscribe("noise").await;
        bystanders.spawn(async move { while other.read_frame().await.is_ok() {} });
    }
    let mut blinkers = JoinSet::new();
    for who in 0..16 {
        blinkers.spawn(blink(server.address, who, start.clone(), quiet.clone()));
    }
    let mut backend = JoinSet::new();
    let (server_to_feed, until) = (server.clone(), stop.clone());
    backend.spawn(async move { publish_until(&server_to_feed, &until).await });
    let mut position = start.clone();
    while position.offset < 2_500 {
        follow(&mut position, &steady.next_json().await);
    }
    stop.store(true, Ordering::Relaxed);
    let published = backend.join_next().await.unwrap().unwrap();
    quiet.store(true, Ordering::Relaxed);
    let mut blinks = 0;
    while let Some(ended) = blinkers.join_next().await {
        let (position, times) = ended.unwrap();
        assert_eq!(position.offset, published);
        blinks += times;
    }
    assert!(blinks > 32, "only {blinks}");
}

#[tokio::test]
async fn a_long_replay_to_a_slow_reader_fills_no_outbox_and_delays_nobody() {
    let mut config = remembering(10_000);
    config.outbox_bytes = 128 * 1024;
    config.outbox_messages = 64;
    let server = TestServer::start(config).await;
    let mut first = server.connect().await;
    let start = Position::of(&subscribe_with(&mut first, "news", json!({"positions": true})).await);
    first.reset();
    let padding = "x".repeat(2_000);
    // 4 MB: thirty times the outbox.
    for number in 1..=2_000 {
        let data = json!({"number": number, "padding": padding});
        server.server.publish("news", &data).await.expect("publish");
    }
    let mut slow = connect_narrow(server.address).await;
    let answer = subscribe_with(&mut slow, "news", json!({"since": start.since()})).await;
    assert_eq!(answer["replayed"], 2_000, "{answer}");
    // It does not read; a neighbour still hears what is published now, at once.
    let mut healthy = server.connect().await;
    healthy.subscribe("news").await;
    for number in 2_001..=2_100 {
        let data = json!({"number": number, "padding": padding});
        server.server.publish("news", &data).await.expect("publish");
        assert_eq!(healthy.next_json().await["data"]["number"], number);
    }
    let queued = server.connection_of(&slow).await;
    assert!(
        queued["queued_bytes"].as_u64().unwrap() <= 128 * 1024,
        "{queued}"
    );
    let mut position = start;
    while position.offset < 2_100 {
        follow(&mut position, &slow.next_json().await);
    }
    slow.expect_silence().await;
    let metrics = server.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
    assert_eq!(metrics.replayed_total.get(), 2_100);
    // It is live now.
    let data = json!({"number": 2_101, "padding": ""});
    server.server.publish("news", &data).await.expect("publish");
    follow(&mut position, &slow.next_json().await);
}

#[tokio::test]
async fn a_replay_that_history_overtakes_says_which_publications_are_lost() {
    let mut config = remembering(200);
    config.outbox_messages = 16;
    let server = TestServer::start(config).await;
    let mut slow = connect_narrow(server.address).await;
    let mut position =
        Position::of(&subscribe_with(&mut slow, "news", json!({"positions": true})).await);
    slow.unsubscribe("news").await;
    let padding = "x".repeat(10_000);
    let publish = async |numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            let data = json!({"number": number, "padding": padding});
            server.server.publish("news", &data).await.expect("publish");
        }
    };
    publish(1..=200).await;
    let answer = subscribe_with(&mut slow, "news", json!({"since": position.since()})).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    publish(201..=600).await;
    let (mut received, mut lost) = (0, 0);
    while position.offset < 600 {
        let next = slow.next_json().await;
        if next["type"] == "gap" {
            assert_eq!(next["channel"], "news");
            assert_eq!(next["from"], position.offset + 1, "{next}");
            let to = next["to"].as_u64().unwrap();
            assert_eq!(next["missed"], to - position.offset, "{next}");
            lost += to - position.offset;
            position.offset = to;
        } else {
            follow(&mut position, &next);
            received += 1;
        }
    }
    assert_eq!(received + lost, 600);
    assert!(
        lost > 0 && received >= 200,
        "{received} received, {lost} lost"
    );
    slow.expect_silence().await;
}

/// Reads what the kernel still holds of an evicted connection: the newest offset, and why it ended.
async fn read_to_the_end(client: &mut Client, position: &mut Position) -> Option<u16> {
    while let Ok(Some(next)) = client.read_frame().await {
        match next.first {
            TEXT => follow(position, &serde_json::from_slice(&next.payload).unwrap()),
            CLOSE => return Some(next.close().0),
            PING => {
                let pong = frame(crate::support::PONG, b"");
                client.send_unless_closed(&pong).await;
            }
            other => panic!("a frame that begins with {other:#x}"),
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_clients_are_evicted_come_back_and_have_lost_nothing() {
    const STALLED: u64 = 200;
    let mut config = remembering(100_000);
    config.outbox_messages = 64;
    let server = Arc::new(TestServer::start(config).await);
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut client = connect_narrow(server.address).await;
        let answer = subscribe_with(&mut client, "news", json!({"positions": true})).await;
        stalled.push((client, Position::of(&answer)));
    }
    let metrics = server.server.node().hub().metrics();
    let padding = "x".repeat(4_000);
    let mut published = 0;
    while metrics.slow_consumers_total.get() < STALLED {
        published += 1;
        assert!(
            published < 5_000,
            "only {} evicted",
            metrics.slow_consumers_total.get()
        );
        let data = json!({"number": published, "padding": padding});
        server.server.publish("news", &data).await.expect("publish");
    }
    let told = Arc::new(AtomicU64::new(0));
    let mut returning = JoinSet::new();
    for (mut client, mut position) in stalled {
        let (address, told) = (server.address, told.clone());
        returning.spawn(async move {
            if read_to_the_end(&mut client, &mut position).await == Some(1013) {
                told.fetch_add(1, Ordering::Relaxed);
            }
            assert!(position.offset < published);
            let mut client = Client::connect(address, "/ws").await;
            let answer =
                subscribe_with(&mut client, "news", json!({"since": position.since()})).await;
            assert_eq!(answer["recovered"], true, "{answer}");
            while position.offset < published {
                follow(&mut position, &client.next_json().await);
            }
            client.expect_silence().await;
        });
    }
    while let Some(ended) = returning.join_next().await {
        ended.unwrap();
    }
    assert!(
        told.load(Ordering::Relaxed) > STALLED / 2,
        "{told:?} were told why"
    );
}

#[tokio::test]
async fn a_replay_of_any_length_ends_where_the_live_ones_begin() {
    let mut config = remembering(1000);
    // Pages of four.
    config.outbox_messages = 16;
    let server = TestServer::start(config).await;
    let mut reader = server.connect().await;
    let answer = subscribe_with(&mut reader, "news", json!({"positions": true})).await;
    let start = Position::of(&answer);
    for length in 1..=13 {
        let data = json!({"number": length});
        server.server.publish("news", &data).await.expect("publish");
        follow(
            &mut Position {
                offset: length - 1,
                ..start.clone()
            },
            &reader.next_json().await,
        );
        let mut client = server.connect().await;
        let answer = subscribe_with(&mut client, "news", json!({"since": start.since()})).await;
        assert_eq!(answer["replayed"], length, "{answer}");
        let mut position = start.clone();
        for _ in 0..length {
            follow(&mut position, &client.next_json().await);
        }
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn one_busy_channel_keeps_the_common_bound_by_itself() {
    const BOUND: usize = 64 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let data = json!({"padding": "x".repeat(500)});
    for _ in 0..300 {
        server.server.publish("busy", &data).await.expect("publish");
        let used = server.server.node().hub().history_bytes();
        assert!(used <= BOUND, "{used}");
    }
}

fn small_budget(max_bytes: usize) -> WebSocketConfig {
    let mut config = remembering(1000);
    config.max_message_size = 4 * 1024;
    config.retention.max_bytes = max_bytes;
    config.topics = TopicRules::all(TopicOptions {
        history: Some(HistoryLimits::default()),
        ..TopicOptions::default()
    });
    config
}

#[tokio::test]
async fn all_histories_together_keep_their_bound_and_the_oldest_goes_first() {
    const BOUND: u64 = 256 * 1024;
    let server = TestServer::start(small_budget(BOUND as usize)).await;
    let padding = "x".repeat(500);
    for number in 0..2_000 {
        let data = json!({"padding": padding});
        let channel = format!("c{}", number % 100);
        server
            .server
            .publish(&channel, &data)
            .await
            .expect("publish");
        let used = server.server.node().hub().history_bytes() as u64;
        // A topic that is new adds itself before the sweeper makes room.
        assert!(used <= BOUND + 64 * 1024, "{used} after {number}");
    }
    eventually("room", async || {
        (server.server.node().hub().history_bytes() as u64) < BOUND
    })
    .await;
    let newest = server.get("/api/channels/c99/history").await;
    assert_ne!(newest["items"], json!([]), "the newest is kept");
    let used = server.get("/api/stats").await["history_bytes"]
        .as_u64()
        .unwrap();
    assert!(used > BOUND / 2, "{used} of {BOUND} are used");
}

#[tokio::test]
async fn very_many_names_do_not_grow_the_memory() {
    const BOUND: usize = 256 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let mut client = server.connect().await;
    for number in 0..2_000 {
        let channel = format!("random-{number}");
        client.subscribe(&channel).await;
        client.unsubscribe(&channel).await;
    }
    let hub = server.server.node().hub();
    assert_eq!(hub.history_bytes(), 0, "nothing was published");
    for number in 0..5_000 {
        let channel = format!("random-{number}");
        server
            .server
            .publish(&channel, &json!({}))
            .await
            .expect("publish");
    }
    eventually("room", async || hub.history_bytes() < BOUND).await;
}
