//! Event streams that reconnect: one id holds the positions of all channels.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{EventSource, TestServer, publish_offsets, with_history, without_history};

/// Expects events of this channel with these offsets.
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

/// Expects the answer to a subscription next and returns it.
async fn next_answer(source: &mut EventSource, channel: &str) -> Value {
    let answer = source.next_json().await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    assert_eq!(answer["channel"], channel, "{answer}");
    answer
}

#[tokio::test]
async fn the_last_id_resumes_every_channel() {
    let edge = TestServer::start(with_history(100)).await;
    publish_offsets(&edge, "a", 1..=3).await;
    let mut source = EventSource::subscribe(edge.address, &["a", "b", "c"]).await;
    publish_offsets(&edge, "a", 4..=5).await;
    publish_offsets(&edge, "b", 1..=2).await;
    expect_offsets(&mut source, "a", 4..=5).await;
    expect_offsets(&mut source, "b", 1..=2).await;
    let id = source.last_id.clone().expect("an id");
    // Nobody reads this event, so its id is not in the resume request.
    publish_offsets(&edge, "b", 3..=3).await;
    drop(source);
    publish_offsets(&edge, "a", 6..=6).await;
    publish_offsets(&edge, "c", 1..=1).await;

    // The channels are in another order, and one is new.
    let mut source = EventSource::resume(edge.address, &["c", "a", "new", "b"], &id).await;
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
            assert!(
                answers.contains_key(&channel),
                "the answer comes first: {next}"
            );
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
            .map(|(name, answer)| (name.as_str(), answer))
            .collect::<Vec<_>>(),
        expected
    );
    let replayed: Vec<_> = replayed.into_iter().collect();
    assert_eq!(
        replayed,
        [("a".into(), 6), ("b".into(), 3), ("c".into(), 1)]
    );
    // Live events follow.
    publish_offsets(&edge, "new", 1..=1).await;
    expect_offsets(&mut source, "new", 1..=1).await;
    // A browser that loses the connection right after a resume still has all positions.
    let id = source.last_id.clone().expect("an id");
    drop(source);
    let mut source = EventSource::resume(edge.address, &["a", "b", "c", "new"], &id).await;
    for channel in ["a", "b", "c", "new"] {
        let answer = next_answer(&mut source, channel).await;
        assert_eq!(
            (&answer["recovered"], &answer["replayed"]),
            (&json!(true), &json!(0))
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_during_a_replay_loses_no_position() {
    let edge = TestServer::start(with_history(1000)).await;
    let channels = ["a", "b", "c"];
    let mut source = EventSource::subscribe(edge.address, &channels).await;
    let mut id = source.last_id.clone().expect("an id");
    for channel in channels {
        publish_offsets(&edge, channel, 1..=50).await;
    }
    let mut seen = BTreeMap::from(channels.map(|channel| (channel.to_owned(), 0)));
    // Each stream is read for one message more than the one before.
    for read in 1.. {
        drop(source);
        source = EventSource::resume(edge.address, &channels, &id).await;
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
async fn a_stream_that_cannot_recover_says_why() {
    let edge = TestServer::start(with_history(5)).await;
    let mut source = EventSource::subscribe(edge.address, &["news"]).await;
    publish_offsets(&edge, "news", 1..=1).await;
    expect_offsets(&mut source, "news", 1..=1).await;
    let id = source.last_id.clone().expect("an id");
    drop(source);
    publish_offsets(&edge, "news", 2..=20).await;

    let mut source = EventSource::resume(edge.address, &["news"], &id).await;
    let answer = next_answer(&mut source, "news").await;
    assert_eq!(
        (&answer["recovered"], &answer["reason"]),
        (&json!(false), &json!("history_trimmed"))
    );
    let fresh = source.last_id.clone().expect("an id");
    assert_ne!(fresh, id);
    for foreign in ["42", "a b~c", &id.replace('.', "-other.")] {
        let mut source = EventSource::resume(edge.address, &["news"], foreign).await;
        let answer = next_answer(&mut source, "news").await;
        assert_eq!(
            (&answer["recovered"], &answer["reason"]),
            (&json!(false), &json!("epoch_changed"))
        );
        assert_eq!(
            source.last_id.as_ref(),
            Some(&fresh),
            "the new numbering starts here"
        );
    }
    // Another server has another numbering.
    let other = TestServer::start(with_history(5)).await;
    publish_offsets(&other, "news", 1..=20).await;
    let mut source = EventSource::resume(other.address, &["news"], &fresh).await;
    let answer = next_answer(&mut source, "news").await;
    assert_eq!(
        (&answer["recovered"], &answer["reason"]),
        (&json!(false), &json!("epoch_changed"))
    );
    // A server without history has no numbering.
    let without_history = TestServer::start(without_history()).await;
    let mut source = EventSource::resume(without_history.address, &["news"], &fresh).await;
    let answer = next_answer(&mut source, "news").await;
    assert_eq!(
        (&answer["recovered"], &answer["reason"]),
        (&json!(false), &json!("no_history"))
    );
    without_history.publish("news", "live").await;
    source.next_json().await;
    assert_eq!(source.last_id, None);
}

#[tokio::test]
async fn the_query_can_resume_the_header_wins_and_last_replays_the_newest() {
    let edge = TestServer::start(with_history(100)).await;
    let mut source = EventSource::subscribe(edge.address, &["news"]).await;
    let mut ids = Vec::new();
    for offset in 1..=4 {
        publish_offsets(&edge, "news", offset..=offset).await;
        expect_offsets(&mut source, "news", offset..=offset).await;
        ids.push(source.last_id.clone().expect("an id"));
    }
    let path = format!("/sse?channel=news&last=1&last_event_id={}", ids[0]);
    let mut by_query = EventSource::open(edge.address, &path).await;
    assert_eq!(next_answer(&mut by_query, "news").await["replayed"], 3);
    expect_offsets(&mut by_query, "news", 2..=4).await;
    let header = format!("Last-Event-ID: {}\r\n", ids[2]);
    let mut by_header = EventSource::open_with(edge.address, &path, &header).await;
    assert_eq!(next_answer(&mut by_header, "news").await["replayed"], 1);
    expect_offsets(&mut by_header, "news", 4..=4).await;
    let mut newest =
        EventSource::open(edge.address, "/sse?channel=news&last=2&last_event_id=").await;
    assert_eq!(next_answer(&mut newest, "news").await["replayed"], 2);
    expect_offsets(&mut newest, "news", 3..=4).await;
    // Said if it was asked for, also if it is 0.
    for (path, replayed) in [
        ("/sse?channel=news&last=0", json!(0)),
        ("/sse?channel=news", json!(null)),
    ] {
        let mut source = EventSource::open(edge.address, path).await;
        assert_eq!(next_answer(&mut source, "news").await["replayed"], replayed);
    }
    let refused = edge.http("GET", "/sse?channel=news&last=-1", None).await;
    refused.expect_problem(400, "invalid_query");
}
