//! Event streams that come back: one id names the positions of all channels.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::recovery::resuming::{publish, remembering};
use crate::support::{Block, EventSource, TestServer, config, eventually};

/// Opens a stream that follows the event with this id.
async fn resume(edge: &TestServer, channels: &[&str], id: &str) -> EventSource {
    let path = format!("/sse?channel={}", channels.join("&channel="));
    let header = format!("Last-Event-ID: {id}\r\n");
    EventSource::open_with(edge.address, &path, &header).await
}

async fn open(edge: &TestServer, channels: &[&str]) -> EventSource {
    let path = format!("/sse?channel={}", channels.join("&channel="));
    let mut source = EventSource::open(edge.address, &path).await;
    source.expect_subscribed(channels).await;
    source
}

async fn expect_offsets(
    source: &mut EventSource,
    channel: &str,
    offsets: std::ops::RangeInclusive<u64>,
) {
    for offset in offsets {
        let event = source.next_json().await;
        assert_eq!(event["channel"], channel, "{event}");
        assert_eq!(event["offset"], offset, "{event}");
        assert_eq!(event["data"]["message"], offset.to_string(), "{event}");
    }
}

/// The answer to a subscription, which comes next.
async fn answer(source: &mut EventSource, channel: &str) -> Value {
    let told = source.next_json().await;
    assert_eq!(told["type"], "subscribed", "{told}");
    assert_eq!(told["channel"], channel, "{told}");
    told
}

#[tokio::test]
async fn the_last_id_resumes_every_channel() {
    let edge = TestServer::start(remembering(100)).await;
    publish(&edge, "a", 1..=3).await;
    let mut source = open(&edge, &["a", "b", "c"]).await;
    publish(&edge, "a", 4..=5).await;
    publish(&edge, "b", 1..=2).await;
    expect_offsets(&mut source, "a", 4..=5).await;
    expect_offsets(&mut source, "b", 1..=2).await;
    let id = source.last_id.clone().expect("an id");
    // Read by none: the id of what was not read counts for nothing.
    publish(&edge, "b", 3..=3).await;
    drop(source);
    publish(&edge, "a", 6..=6).await;
    publish(&edge, "c", 1..=1).await;

    // In another order, one channel less, one more.
    let mut source = resume(&edge, &["c", "a", "new", "b"], &id).await;
    let mut replayed = BTreeMap::new();
    let mut answers = BTreeMap::new();
    while answers.len() < 4 || replayed.len() < 3 {
        let next = source.next_json().await;
        let channel = next["channel"].as_str().expect("a channel").to_owned();
        if next["type"] == "subscribed" {
            answers.insert(
                channel,
                (next["recovered"].clone(), next["replayed"].clone()),
            );
        } else {
            assert!(answers.contains_key(&channel), "after its answer: {next}");
            let offset = next["offset"].as_u64().expect("an offset");
            assert_eq!(replayed.insert(channel, offset), None, "once");
        }
    }
    let one = (json!(true), json!(1));
    let nothing = (Value::Null, Value::Null);
    let expected = [("a", &one), ("b", &one), ("c", &one), ("new", &nothing)];
    assert_eq!(
        answers
            .iter()
            .map(|(name, told)| (name.as_str(), told))
            .collect::<Vec<_>>(),
        expected
    );
    let replayed: Vec<_> = replayed.into_iter().collect();
    assert_eq!(
        replayed,
        [("a".into(), 6), ("b".into(), 3), ("c".into(), 1)]
    );
    // And live from there.
    publish(&edge, "new", 1..=1).await;
    expect_offsets(&mut source, "new", 1..=1).await;
    // A browser that breaks off right after it came back still knows all of them.
    let id = source.last_id.clone().expect("an id");
    drop(source);
    let mut source = resume(&edge, &["a", "b", "c", "new"], &id).await;
    for channel in ["a", "b", "c", "new"] {
        let told = answer(&mut source, channel).await;
        assert_eq!(
            (&told["recovered"], &told["replayed"]),
            (&json!(true), &json!(0))
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_while_it_is_answered_loses_no_position() {
    let edge = TestServer::start(remembering(1000)).await;
    let channels = ["a", "b", "c"];
    let mut source = open(&edge, &channels).await;
    let mut id = source.last_id.clone().expect("an id");
    for channel in channels {
        publish(&edge, channel, 1..=50).await;
    }
    let mut seen = BTreeMap::from(channels.map(|channel| (channel.to_owned(), 0)));
    // One message more is read each time before the stream breaks off.
    for read in 1.. {
        drop(source);
        source = resume(&edge, &channels, &id).await;
        for _ in 0..read {
            let next = source.next_json().await;
            id.clone_from(source.last_id.as_ref().expect("an id"));
            if next["type"] == "subscribed" {
                assert_eq!(next["recovered"], true, "{next}");
            } else {
                let last = seen.get_mut(next["channel"].as_str().unwrap()).unwrap();
                *last += 1;
                assert_eq!(next["offset"], *last, "once, in order: {next}");
            }
            if seen.values().all(|&last| last == 50) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_recovered_is_said() {
    let edge = TestServer::start(remembering(5)).await;
    let mut source = open(&edge, &["news"]).await;
    publish(&edge, "news", 1..=1).await;
    expect_offsets(&mut source, "news", 1..=1).await;
    let id = source.last_id.clone().expect("an id");
    drop(source);
    publish(&edge, "news", 2..=20).await;

    let mut source = resume(&edge, &["news"], &id).await;
    let told = answer(&mut source, "news").await;
    assert_eq!(
        (&told["recovered"], &told["reason"]),
        (&json!(false), &json!("history_trimmed"))
    );
    let fresh = source.last_id.clone().expect("an id");
    assert_ne!(fresh, id);
    for foreign in ["42", "a b~c", &id.replace('.', "-other.")] {
        let mut source = resume(&edge, &["news"], foreign).await;
        let told = answer(&mut source, "news").await;
        assert_eq!(
            (&told["recovered"], &told["reason"]),
            (&json!(false), &json!("epoch_changed"))
        );
        assert_eq!(
            source.last_id.as_ref(),
            Some(&fresh),
            "it begins anew from here"
        );
    }
    // Another server numbers anew.
    let other = TestServer::start(remembering(5)).await;
    publish(&other, "news", 1..=20).await;
    let mut source = resume(&other, &["news"], &fresh).await;
    let told = answer(&mut source, "news").await;
    assert_eq!(
        (&told["recovered"], &told["reason"]),
        (&json!(false), &json!("epoch_changed"))
    );
    // One without history does not number at all.
    let forgetful = TestServer::start_default().await;
    let mut source = resume(&forgetful, &["news"], &fresh).await;
    let told = answer(&mut source, "news").await;
    assert_eq!(
        (&told["recovered"], &told["reason"]),
        (&json!(false), &json!("no_history"))
    );
    forgetful.publish("news", "live").await;
    source.next_json().await;
    assert_eq!(source.last_id, None);
}

#[tokio::test]
async fn the_query_resumes_too_the_browsers_header_is_newer_and_last_gives_a_start() {
    let edge = TestServer::start(remembering(100)).await;
    let mut source = open(&edge, &["news"]).await;
    let mut ids = Vec::new();
    for offset in 1..=4 {
        publish(&edge, "news", offset..=offset).await;
        expect_offsets(&mut source, "news", offset..=offset).await;
        ids.push(source.last_id.clone().expect("an id"));
    }
    let path = format!("/sse?channel=news&last=1&last_event_id={}", ids[0]);
    let mut by_query = EventSource::open(edge.address, &path).await;
    assert_eq!(answer(&mut by_query, "news").await["replayed"], 3);
    expect_offsets(&mut by_query, "news", 2..=4).await;
    let header = format!("Last-Event-ID: {}\r\n", ids[2]);
    let mut by_header = EventSource::open_with(edge.address, &path, &header).await;
    assert_eq!(answer(&mut by_header, "news").await["replayed"], 1);
    expect_offsets(&mut by_header, "news", 4..=4).await;
    let mut newest =
        EventSource::open(edge.address, "/sse?channel=news&last=2&last_event_id=").await;
    assert_eq!(answer(&mut newest, "news").await["replayed"], 2);
    expect_offsets(&mut newest, "news", 3..=4).await;
    let refused = edge.http("GET", "/sse?channel=news&last=-1", None).await;
    refused.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn dropped_again_and_again_under_load_a_stream_has_everything_once() {
    const EVENTS: u64 = 2000;
    const CHANNELS: [&str; 3] = ["a", "b", "c"];
    let edge = TestServer::start(remembering(10_000)).await;
    let first = open(&edge, &CHANNELS).await;
    let server = edge.server.clone();
    let publishing = JoinSet::from_iter([async move {
        for number in 1..=EVENTS {
            for channel in CHANNELS {
                let data = json!({"number": number});
                server.publish(channel, &data).await.expect("publish");
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
            let path = format!("/sse?channel={}", CHANNELS.join("&channel="));
            let mut seen = BTreeMap::from(CHANNELS.map(|channel| (channel.to_owned(), 0)));
            let (mut streams, mut pace) = (0_u64, reader);
            while seen.values().any(|&last| last < EVENTS) {
                let header = format!("Last-Event-ID: {id}\r\n");
                let mut source = EventSource::open_with(address, &path, &header).await;
                streams += 1;
                // Another number of messages each time, from none to a few hundred.
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
    let streams = reading.join_all().await;
    assert!(streams.iter().all(|&streams| streams > 5), "{streams:?}");
    publishing.join_all().await;
    drop(first);
    let hub = edge.server.node().hub();
    eventually("nobody left over", async || hub.links() == 0).await;
}

#[tokio::test]
async fn a_slow_consumer_comes_back_and_has_lost_nothing() {
    const EVENTS: u64 = 300;
    let edge = TestServer::start(config(|config| {
        config.topics = remembering(1000).topics;
        config.outbox_messages = 8;
    }))
    .await;
    let mut slow = open(&edge, &["news"]).await;
    let padding = "x".repeat(20_000);
    for number in 1..=EVENTS {
        let data = json!({"number": number, "padding": padding});
        edge.server.publish("news", &data).await.expect("publish");
    }
    let metrics = edge.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 1, "it was evicted");
    let (mut seen, mut streams) = (0, 1);
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
                slow = resume(&edge, &["news"], &id).await;
                streams += 1;
            }
        }
    }
    assert!(streams > 1);
    // Read as fast as it comes, a replay evicts nobody.
    assert_eq!(metrics.slow_consumers_total.get(), 1);
}
