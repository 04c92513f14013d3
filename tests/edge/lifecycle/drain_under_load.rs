//! A drain while many publishers keep publishing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::{JoinSet, yield_now};
use wavecast::PublishError;

use crate::support::{
    CLOSE, Client, LOAD_PATIENCE, PING, TEXT, TestServer, config, eventually, join_all, within,
};

const PUBLISHERS: usize = 8;
const SUBSCRIBERS: usize = 6;
const CHANNELS: usize = 64;

/// Passes on every message up to the Close frame of the drain.
async fn read_to_close(client: &mut Client, mut receive: impl FnMut(Value)) {
    loop {
        let next = client.next_frame().await;
        match next.first {
            TEXT => receive(serde_json::from_slice(&next.payload).expect("JSON")),
            CLOSE => return assert_eq!(next.close().0, 1001),
            PING => {}
            other => panic!("a frame that begins with {other:#x}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_arrives_before_the_close_while_others_still_publish() {
    let edge = TestServer::start(config(|config| config.engine.mailbox_capacity = 4)).await;
    let mut readers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut client = edge.connect().await;
        client.subscribe("news").await;
        readers.spawn(async move {
            let mut received = vec![Vec::new(); PUBLISHERS];
            read_to_close(&mut client, |event| {
                if event["channel"] == "news" {
                    let index = |name| event["data"][name].as_u64().unwrap() as usize;
                    received[index("publisher")].push(index("number"));
                }
            })
            .await;
            client.expect_end().await;
            received
        });
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let server = Arc::clone(&edge.server);
        publishers.spawn(async move {
            for number in 0.. {
                let data = json!({"publisher": publisher, "number": number});
                match within("a publication", server.publish("news", &data)).await {
                    Ok(published) => assert_eq!(published.subscribers, SUBSCRIBERS),
                    Err(error) => {
                        assert_eq!(error, PublishError::ShuttingDown);
                        return (publisher, number);
                    }
                }
                yield_now().await;
            }
            unreachable!("a publisher ends when it is refused")
        });
    }
    let metrics = edge.server.node().metrics();
    eventually("many publications", async || {
        metrics.broadcasts_total.get() > 10 * PUBLISHERS as u64
    })
    .await;
    assert_eq!(within("the drain", edge.server.drain()).await, 0);
    let mut accepted = vec![Vec::new(); PUBLISHERS];
    for (publisher, count) in join_all("the publishers", publishers).await {
        accepted[publisher] = (0..count).collect();
    }
    assert!(accepted.iter().any(|accepted| accepted.len() > 1));
    for received in join_all("the readers", readers).await {
        assert_eq!(received, accepted, "every acknowledged event, in order");
    }
}

/// An event for many channels is accepted once, and then takes many turns of a shard: the drain begins
/// in the middle of several. What is published after a client was closed would be lost.
#[tokio::test]
async fn a_drain_waits_for_events_that_are_being_published_to_many_channels() {
    let edge = TestServer::start(config(|config| {
        config.engine.mailbox_capacity = 4;
        config.outbox.messages = 100_000;
        config.outbox.bytes = 64 * 1024 * 1024;
        // A machine that is busy takes its time.
        config.publish.timeout = LOAD_PATIENCE;
    }))
    .await;
    let channels: Vec<String> = (0..CHANNELS).map(|index| format!("news-{index}")).collect();
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let mut client = edge.connect().await;
        for channel in &channels {
            client.subscribe(channel).await;
        }
        readers.spawn(async move {
            let mut received = BTreeMap::new();
            read_to_close(&mut client, |event| {
                if event["event"] != "shutdown" {
                    let id = event["data"]["id"].as_str().unwrap().to_owned();
                    *received.entry(id).or_insert(0) += 1;
                }
            })
            .await;
            received
        });
    }
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let (server, channels) = (edge.server.clone(), channels.clone());
        publishers.spawn(async move {
            let mut accepted = Vec::new();
            loop {
                let event = server.event_for_channels(&channels);
                match within("a publication", event.send()).await {
                    Ok(published) => {
                        assert_eq!(published.subscribers, 2 * CHANNELS);
                        accepted.push(published.id.to_string());
                    }
                    Err(error) => {
                        assert_eq!(error, PublishError::ShuttingDown);
                        return accepted;
                    }
                }
            }
        });
    }
    let metrics = edge.server.node().metrics();
    eventually("publications", async || {
        metrics.broadcasts_total.get() > (2 * PUBLISHERS * CHANNELS) as u64
    })
    .await;
    assert_eq!(within("the drain", edge.server.drain()).await, 0);
    let accepted = join_all("the publishers", publishers).await;
    let accepted: BTreeMap<_, _> = accepted
        .into_iter()
        .flatten()
        .map(|id| (id, CHANNELS))
        .collect();
    assert!(!accepted.is_empty());
    for received in join_all("the readers", readers).await {
        assert_eq!(
            received, accepted,
            "each acknowledged event, in each channel"
        );
    }
}
