//! Clients that reconnect while others publish miss nothing and receive nothing twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{
    CLOSE, Client, PING, PONG, Position, TEXT, TestServer, frame, join_all, subscribe_with,
    with_history, within_a_minute,
};

/// Publishes `{"number": …}` until it is told to stop, and something to another channel in
/// between. Returns the last number.
async fn publish_until(server: &TestServer, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let data = json!({"number": number});
        server.publish_data("news", &data).await;
        if u64::is_multiple_of(number, 3) {
            server.publish_data("noise", &data).await;
        }
        if u64::is_multiple_of(number, 20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    number
}

/// Loses its connection again and again, in every possible way, reconnects and keeps reading.
/// Returns its position and the number of connections that it lost.
async fn reconnect_until(
    address: SocketAddr,
    reader: u64,
    mut position: Position,
    publishing_is_over: Arc<AtomicBool>,
) -> (Position, u64) {
    let mut losses = 0;
    loop {
        let mut client = Client::connect(address, "/ws").await;
        let done = publishing_is_over.load(Ordering::Relaxed);
        let answer = subscribe_with(&mut client, "news", json!({"since": position.since()})).await;
        assert_eq!(answer["recovered"], true, "{answer}");
        let newest = Position::of(&answer);
        // Some leave in the middle of the replay, others after live publications.
        let until = match (losses + reader) % 3 {
            0 if !done => position.offset + (newest.offset - position.offset) / 2,
            1 if !done => newest.offset + 20,
            _ => newest.offset,
        };
        while position.offset < until {
            let next = timeout(Duration::from_millis(500), client.next_json());
            let Ok(event) = next.await else {
                // Nothing more is published.
                break;
            };
            position.follow(&event);
        }
        if done {
            return (position, losses);
        }
        if reader.is_multiple_of(2) {
            client.reset();
        } else {
            drop(client);
        }
        losses += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_reconnect_under_load_receive_every_event_once_and_in_order() {
    let server = Arc::new(TestServer::start(with_history(1_000_000)).await);
    let mut steady = server.connect().await;
    let start =
        Position::of(&subscribe_with(&mut steady, "news", json!({"positions": true})).await);
    let [stop, publishing_is_over] = [false, false].map(|set| Arc::new(AtomicBool::new(set)));
    let mut bystanders = JoinSet::new();
    for mut other in server.connect_many(2).await {
        // Broadcasts to another channel interrupt a shard's run of broadcasts to this one.
        other.subscribe("noise").await;
        bystanders.spawn(async move { while other.read_frame().await.is_ok() {} });
    }
    let mut readers = JoinSet::new();
    for reader in 0..16 {
        readers.spawn(reconnect_until(
            server.address,
            reader,
            start.clone(),
            publishing_is_over.clone(),
        ));
    }
    let mut publishing = JoinSet::new();
    let (publisher, stopped) = (server.clone(), stop.clone());
    publishing.spawn(async move { publish_until(&publisher, &stopped).await });
    let mut position = start.clone();
    within_a_minute("2,500 publications", async {
        while position.offset < 2_500 {
            position.follow(&steady.next_json().await);
        }
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let last = join_all("the publisher", publishing).await[0];
    publishing_is_over.store(true, Ordering::Relaxed);
    let mut losses = 0;
    for (position, lost) in join_all("the readers", readers).await {
        assert_eq!(position.offset, last);
        losses += lost;
    }
    assert!(losses > 32, "only {losses}");
}

/// Reads what the kernel still holds of an evicted connection, up to the code of the Close
/// frame if there is one.
async fn read_to_the_end(client: &mut Client, position: &mut Position) -> Option<u16> {
    while let Ok(Some(next)) = client.read_frame().await {
        match next.first {
            TEXT => position.follow(&serde_json::from_slice(&next.payload).unwrap()),
            CLOSE => return Some(next.close().0),
            PING => {
                let pong = frame(PONG, b"");
                client.send_unless_closed(&pong).await;
            }
            other => panic!("a frame that begins with {other:#x}"),
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_clients_are_evicted_reconnect_and_have_missed_nothing() {
    const STALLED: u64 = 200;
    let mut config = with_history(100_000);
    config.outbox.messages = 64;
    let server = Arc::new(TestServer::start(config).await);
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut client = Client::connect_with_small_buffer(server.address).await;
        let answer = subscribe_with(&mut client, "news", json!({"positions": true})).await;
        stalled.push((client, Position::of(&answer)));
    }
    let metrics = server.server.node().metrics();
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
        server.publish_data("news", &data).await;
    }
    let told = Arc::new(AtomicU64::new(0));
    let mut reconnecting = JoinSet::new();
    for (mut client, mut position) in stalled {
        let (address, told) = (server.address, told.clone());
        reconnecting.spawn(async move {
            if read_to_the_end(&mut client, &mut position).await == Some(1013) {
                told.fetch_add(1, Ordering::Relaxed);
            }
            assert!(position.offset < published);
            let mut client = Client::connect(address, "/ws").await;
            let answer =
                subscribe_with(&mut client, "news", json!({"since": position.since()})).await;
            assert_eq!(answer["recovered"], true, "{answer}");
            while position.offset < published {
                position.follow(&client.next_json().await);
            }
            client.expect_silence().await;
        });
    }
    join_all("the clients that reconnect", reconnecting).await;
    assert!(
        told.load(Ordering::Relaxed) > STALLED / 2,
        "only {told:?} were told why"
    );
}
