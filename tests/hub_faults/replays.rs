//! Members that still replay, and frames of a membership that has ended.

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use wavecast::dialect::native::NativeText;
use wavecast::dialect::{Dialects, Source};
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, Hub, HubOptions, JoinOptions, Link, Overflow, Pipe, TopicOptions, TopicRules,
};
use wavecast::protocol::{HistoryRequest, Position, ResumeRequest, TopicKind};

use super::support::{connect, drain, no_pings, subscribe, text};
use crate::patience::{InTime as _, eventually};
use crate::watchdog::watch;

/// One shard, which does nothing before its test waits.
fn hub(overflow: Overflow) -> Hub {
    watch();
    let options = HubOptions {
        shards: 1,
        outbox_max_bytes: 32 * 1024,
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            overflow,
            ..TopicOptions::default()
        }),
        ..no_pings()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn client(hub: &Hub) -> (Arc<Client>, Arc<Pipe>) {
    let pipe = Arc::<Pipe>::default();
    (connect(hub, Link::Pipe(pipe.clone())), pipe)
}

async fn publish(hub: &Hub, channel: &str, label: &str, bytes: usize) {
    publish_from(hub, None, channel, label, bytes).await;
}

async fn publish_from(
    hub: &Hub,
    origin: Option<&Client>,
    channel: &str,
    label: &str,
    bytes: usize,
) {
    let source: Arc<dyn Source> =
        NativeText::source(&format!(r#"{{"{label}":"{}"}}"#, "x".repeat(bytes)));
    let origin = origin.map(Client::id);
    let ack = |_: &_| Some(text("acknowledged"));
    let name = channel.into();
    let published = hub.publish(TopicKind::Channel, &name, &source, origin, ack);
    published.in_time().await.unwrap();
}

async fn resume(hub: &Hub, client: &Arc<Client>, request: &ResumeRequest) {
    let options = JoinOptions {
        resume: Some(request),
        ..JoinOptions::default()
    };
    let name = "news".into();
    let ack = |_, _: Option<&_>| Some(text("again"));
    let joined = hub.join(client, TopicKind::Channel, &name, options, ack);
    joined.in_time().await.unwrap();
}

fn last(last: u64) -> ResumeRequest {
    ResumeRequest {
        since: None,
        last: Some(last),
    }
}

/// Where the labels are in what arrives, once the last of them has arrived.
async fn order_of(pipe: &Pipe, labels: &[&str]) -> Vec<usize> {
    let mut received = Vec::new();
    let find = |received: &[u8], label: &str| {
        let mut windows = received.windows(label.len());
        windows.position(|window| window == label.as_bytes())
    };
    eventually("every label", async || {
        received.extend(drain(pipe).await);
        labels.iter().all(|label| find(&received, label).is_some())
    })
    .await;
    let found = labels.iter().map(|label| find(&received, label).unwrap());
    found.collect()
}

#[tokio::test]
async fn a_publisher_that_still_replays_gets_its_acknowledgement() {
    for mixed in [false, true] {
        let hub = hub(Overflow::Evict);
        let (author, pipe) = client(&hub);
        if mixed {
            subscribe(&hub, &author, "other").await;
        }
        publish(&hub, "news", "old", 10).await;
        resume(&hub, &author, &last(1)).await;
        // The shard takes these together, before the first page of the replay.
        publish_from(&hub, Some(&author), "news", "own", 10).await;
        publish(&hub, "other", "mixed", 10).await;
        order_of(&pipe, &["again", "old", "acknowledged"]).await;
    }
}

#[tokio::test]
async fn a_member_that_still_replays_is_told_who_joins() {
    let hub = hub(Overflow::Evict);
    let (replaying, pipe) = client(&hub);
    let (newcomer, _) = client(&hub);
    publish(&hub, "news", "old", 10).await;
    resume(&hub, &replaying, &last(1)).await;
    let notice: Arc<dyn Source> = NativeText::source(r#"{"type":"newcomer"}"#);
    let options = JoinOptions {
        announce: Some(&notice),
        ..JoinOptions::default()
    };
    let name = "news".into();
    let joined = hub.join(&newcomer, TopicKind::Channel, &name, options, |_, _| None);
    joined.in_time().await.unwrap();
    order_of(&pipe, &["again", "newcomer", "old"]).await;
}

/// The rest of the replay waits until the reader has taken what the first two pages put into its
/// outbox.
#[tokio::test]
async fn a_member_in_the_middle_of_a_replay_is_told_who_joins_and_leaves_its_room() {
    let hub = hub(Overflow::Evict);
    let (replaying, pipe) = client(&hub);
    let (other, _) = client(&hub);
    let (kind, name): (_, Arc<str>) = (TopicKind::Room, "lobby".into());
    let labels = ["one", "two", "three", "four", "five", "six"];
    for label in labels {
        let text = format!(r#"{{"{label}":"{}"}}"#, "x".repeat(10_000));
        let source: Arc<dyn Source> = NativeText::source(&text);
        let published = hub.publish(kind, &name, &source, None, |_| None);
        published.in_time().await.unwrap();
    }
    let options = JoinOptions {
        resume: Some(&last(6)),
        ..JoinOptions::default()
    };
    let joined = hub.join(&replaying, kind, &name, options, |_, _| Some(text("again")));
    joined.in_time().await.unwrap();
    let replayed = || hub.metrics().replayed_total.get();
    eventually("a full pipe", async || replayed() == 2).await;
    let arrival: Arc<dyn Source> = NativeText::source(r#"{"type":"arrival"}"#);
    let options = JoinOptions {
        announce: Some(&arrival),
        ..JoinOptions::default()
    };
    let joined = hub.join(&other, kind, &name, options, |_, _| None);
    joined.in_time().await.unwrap();
    let departure: Arc<dyn Source> = NativeText::source(r#"{"type":"departure"}"#);
    let left = hub.leave(&other, kind, &name, None, Some(&departure));
    left.in_time().await.unwrap();
    hub.probe().in_time().await.unwrap();
    assert_eq!(replayed(), 2, "it is still in the middle");
    let expected = [
        "again",
        "one",
        "two",
        "arrival",
        "departure",
        "three",
        "six",
    ];
    let order = order_of(&pipe, &expected).await;
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_member_that_replays_stays_when_the_last_live_one_leaves() {
    let hub = hub(Overflow::Evict);
    let (live, _) = client(&hub);
    let (replaying, pipe) = client(&hub);
    subscribe(&hub, &live, "news").await;
    publish(&hub, "news", "old", 10).await;
    resume(&hub, &replaying, &last(1)).await;
    let left = hub.leave(&live, TopicKind::Channel, "news", None, None);
    left.in_time().await.unwrap();
    order_of(&pipe, &["again", "old"]).await;
    publish(&hub, "news", "new", 10).await;
    order_of(&pipe, &["new"]).await;
}

/// A notice in place of what the ended membership had queued would be about the wrong one.
#[tokio::test]
async fn what_a_membership_has_queued_is_not_dropped_for_the_next() {
    for leaves in [true, false] {
        let hub = hub(Overflow::DropOldest);
        let (reader, pipe) = client(&hub);
        subscribe(&hub, &reader, "news").await;
        // More than the pipe takes, and then the outbox.
        for label in ["one", "two", "three"] {
            publish(
                &hub,
                "news",
                label,
                if label == "one" { 17_000 } else { 10_000 },
            )
            .await;
        }
        hub.probe().in_time().await.unwrap();
        if leaves {
            let kind = TopicKind::Channel;
            let ack = text("left");
            let left = hub.leave(&reader, kind, "news", Some(&ack), None);
            left.in_time().await.unwrap();
        }
        let request = HistoryRequest::new(None, None, None).unwrap();
        let page = hub.history(TopicKind::Channel, "news", request, usize::MAX);
        let newest = page.unwrap().top;
        let newest = Position::new(newest.offset, &newest.epoch);
        let since = ResumeRequest {
            since: newest,
            last: None,
        };
        resume(&hub, &reader, &since).await;
        publish(&hub, "news", "four", 15_000).await;
        hub.probe().in_time().await.unwrap();
        let order = order_of(&pipe, &["one", "two", "three", "again", "gap"]).await;
        assert!(order.is_sorted(), "{order:?}");
    }
}
