//! Event streams that lose their connection repeatedly miss nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{
    Block, EventSource, TestServer, config, eventually, join_all, publish, with_history,
    within_a_minute,
};

#[tokio::test]
async fn a_stream_that_reconnects_again_and_again_receives_every_event_once() {
    const EVENTS: u64 = 2000;
    const CHANNELS: [&str; 3] = ["a", "b", "c"];
    let edge = TestServer::start(with_history(10_000)).await;
    let first = EventSource::subscribe(edge.address, &CHANNELS).await;
    let server = edge.server.clone();
    let publishing = JoinSet::from_iter([async move {
        for number in 1..=EVENTS {
            for channel in CHANNELS {
                let data = json!({"number": number});
                publish(&server, channel, &data).await;
            }
            if number % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }]);
    let mut reading = JoinSet::new();
    for reader in 0..8_u64 {
        let mut id = first.last_id.clone().expect("an id");
        let address = edge.address;
        reading.spawn(async move {
            let mut seen = BTreeMap::from(CHANNELS.map(|channel| (channel.to_owned(), 0)));
            let (mut streams, mut pace) = (0_u64, reader);
            while seen.values().any(|&last| last < EVENTS) {
                let mut source = EventSource::resume(address, &CHANNELS, &id).await;
                streams += 1;
                // A different number of messages each time, up to a few hundred.
                pace = (pace * 31 + 17) % 397;
                for _ in 0..pace {
                    let next = timeout(Duration::from_millis(200), source.next_json()).await;
                    let Ok(next) = next else { break };
                    id.clone_from(source.last_id.as_ref().expect("an id"));
                    if next["type"] == "subscribed" {
                        assert_eq!(next["recovered"], true, "{next}");
                        continue;
                    }
                    let last = seen.get_mut(next["channel"].as_str().unwrap()).unwrap();
                    *last += 1;
                    assert_eq!(next["offset"], *last, "once, in order: {next}");
                    assert_eq!(next["data"]["number"], *last, "{next}");
                }
            }
            streams
        });
    }
    let streams = join_all("the readers", reading).await;
    assert!(streams.iter().all(|&streams| streams > 5), "{streams:?}");
    join_all("the publisher", publishing).await;
    drop(first);
    let hub = edge.server.node();
    eventually("the end of all connections", async || hub.links() == 0).await;
}

#[tokio::test]
async fn an_evicted_slow_consumer_reconnects_and_has_missed_nothing() {
    const EVENTS: u64 = 300;
    let edge = TestServer::start(config(|config| {
        config.topics = with_history(1000).topics;
        config.outbox.messages = 8;
    }))
    .await;
    let mut slow = EventSource::subscribe(edge.address, &["news"]).await;
    let padding = "x".repeat(20_000);
    for number in 1..=EVENTS {
        let data = json!({"number": number, "padding": padding});
        edge.publish_data("news", &data).await;
    }
    let metrics = edge.server.node().metrics();
    eventually("its eviction", async || {
        metrics.slow_consumers_total.get() == 1
    })
    .await;
    let (mut seen, mut streams) = (0, 1);
    within_a_minute("every event", async {
        while seen < EVENTS {
            match slow.next_block().await {
                Some(Block::Event { name, data }) => {
                    let event: Value = serde_json::from_str(&data).expect("JSON");
                    match (name.as_str(), event["type"].as_str()) {
                        ("close", _) => assert_eq!(event["code"], 1013),
                        (_, Some("subscribed")) => assert_eq!(event["recovered"], true, "{event}"),
                        _ => {
                            seen += 1;
                            assert_eq!(event["offset"], seen, "{event}");
                            assert_eq!(event["data"]["number"], seen, "{event}");
                        }
                    }
                }
                Some(Block::Comment | Block::Retry(_)) => {}
                None => {
                    let id = slow.last_id.clone().expect("an id");
                    slow = EventSource::resume(edge.address, &["news"], &id).await;
                    streams += 1;
                }
            }
        }
    })
    .await;
    assert!(streams > 1);
    // A replay evicts nobody who reads it as fast as it arrives.
    assert_eq!(metrics.slow_consumers_total.get(), 1);
}
