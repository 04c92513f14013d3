//! The sweeper visits only topics in which something is due. The clock of these tests stands
//! still until all tasks wait for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Retention, Topic, TopicOptions, TopicRules};
use wavecast::protocol::TopicKind;

use super::support::{connect, one_place, subscribe};
use crate::patience::{InTime as _, eventually};

const CHANNEL: TopicKind = TopicKind::Channel;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Channels and rooms keep publications and then positions for this long.
fn hub(max_age: Duration, position_ttl: Duration, max_bytes: usize) -> Hub {
    let limits = HistoryLimits {
        max_age,
        ..HistoryLimits::default()
    };
    let options = HubOptions {
        topics: TopicRules::all(TopicOptions {
            history: Some(limits),
            ..TopicOptions::default()
        }),
        retention: Retention {
            max_bytes,
            position_ttl,
            ..Retention::default()
        },
        ..one_place()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

async fn publish(hub: &Hub, kind: TopicKind, name: &str) {
    let message = NativeText::source(r#"{"n":1}"#);
    let name = name.into();
    let published = hub.publish(kind, &name, &message, None, |_| None);
    published.in_time().await.unwrap();
}

fn is_known(hub: &Hub, name: &str) -> bool {
    hub.topic(CHANNEL, name).is_some()
}

#[tokio::test(start_paused = true)]
async fn publications_expire_each_time_though_the_position_is_kept_for_long() {
    let hub = hub(SECOND, DAY, 1024 * 1024);
    let mut left = Vec::new();
    for round in 0..3 {
        for kind in [CHANNEL, TopicKind::Room] {
            publish(&hub, kind, "news").await;
        }
        let full = hub.history_bytes();
        sleep(SECOND / 2).await;
        assert_eq!(hub.history_bytes(), full, "too early in round {round}");
        sleep(SECOND * 3 / 4).await;
        assert!(hub.history_bytes() < full, "too late in round {round}");
        left.push(hub.history_bytes());
        // Long enough for the sweeper to know that nothing is left.
        sleep(10 * SECOND).await;
    }
    assert_eq!(left, [left[0]; 3], "the positions");
}

#[tokio::test(start_paused = true)]
async fn publications_expire_one_after_the_other_within_an_eighth_of_their_age() {
    let hub = hub(8 * SECOND, DAY, 1024 * 1024);
    publish(&hub, CHANNEL, "other").await;
    let one = hub.history_bytes();
    let mut published = vec![one];
    for _ in 0..8 {
        publish(&hub, CHANNEL, "news").await;
        published.push(hub.history_bytes());
        sleep(SECOND).await;
    }
    // Nothing is published any more, which would expire the others too.
    let message = published[2] - published[1];
    sleep(SECOND * 9 / 2).await;
    // Of those published at 0 s, 1 s, … 7 s, the first three have expired 2 s ago or earlier: one
    // for the pause between two visits, one for that between two sweeps. The other channel is
    // empty.
    let positions = 2 * (one - message);
    let left = (hub.history_bytes() - positions) / message;
    assert!((3..=5).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_position_is_forgotten_though_the_last_member_left_after_its_time() {
    let hub = hub(SECOND, 10 * SECOND, 1024 * 1024);
    let client = connect(&hub, wavecast::hub::Link::Detached);
    subscribe(&hub, &client, "with").await;
    for name in ["with", "without"] {
        publish(&hub, CHANNEL, name).await;
    }
    sleep(9 * SECOND).await;
    assert!(is_known(&hub, "without"));
    sleep(3 * SECOND).await;
    assert!(!is_known(&hub, "without") && is_known(&hub, "with"));
    sleep(60 * SECOND).await;
    assert!(is_known(&hub, "with"), "a member is in it");
    let left = hub.leave(&client, CHANNEL, "with", None, None);
    left.in_time().await.unwrap();
    sleep(3 * SECOND).await;
    assert!(!is_known(&hub, "with"));
    assert_eq!(hub.history_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_position_is_kept_for_its_time_after_the_last_publication() {
    let hub = hub(SECOND, 10 * SECOND, 1024 * 1024);
    publish(&hub, CHANNEL, "news").await;
    sleep(8 * SECOND).await;
    publish(&hub, CHANNEL, "news").await;
    sleep(8 * SECOND).await;
    assert!(is_known(&hub, "news"), "16 s after the first");
    sleep(5 * SECOND).await;
    assert!(!is_known(&hub, "news"), "13 s after the second");
}

/// A topic that is forgotten to save memory once could stay in memory until it would have
/// expired.
#[tokio::test]
async fn the_memory_of_a_forgotten_topic_is_released_at_once() {
    const MAX_BYTES: usize = 8 * 1024;
    let hub = hub(DAY, DAY, MAX_BYTES);
    publish(&hub, CHANNEL, "first").await;
    let first: Weak<Topic> = Arc::downgrade(&hub.topic(CHANNEL, "first").unwrap());
    for number in 0..100 {
        publish(&hub, CHANNEL, &number.to_string()).await;
    }
    eventually("a forgotten topic", async || !is_known(&hub, "first")).await;
    eventually("its memory", async || first.upgrade().is_none()).await;
}
