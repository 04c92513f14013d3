//! Mailboxes, batches and shards.

use std::future::poll_fn;
use std::sync::Arc;

use futures_util::future::join;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;
use wavecast::dialect::native::{Native, NativeText};
use wavecast::dialect::{At, Dialect, Dialects};
use wavecast::hub::{
    Hub, HubClosed, HubOptions, Link, Overflow, Phase, Pipe, TopicOptions, TopicRules,
};
use wavecast::protocol::{Gap, Json, ServerMessage, TopicKind, TopicMessage, TopicName};
use wavecast::wire::Frame;

use super::support::{connect, no_pings, subscribe, text};
use crate::patience::{InTime as _, PATIENCE, within, within_a_minute};

#[tokio::test]
async fn a_batch_never_fills_the_outbox_of_a_client_that_reads_everything() {
    let options = HubOptions {
        shards: 1,
        outbox_max_bytes: 66 * 1024,
        ..no_pings()
    };
    let hub = Hub::new(&options, Dialects::default(), &TaskTracker::new());
    let client = connect(&hub, Link::Detached);
    subscribe(&hub, &client, "news").await;
    hub.probe().in_time().await.unwrap();
    // Both are in the mailbox before the shard runs.
    hub.send(&client, text(&"a".repeat(15_000)))
        .in_time()
        .await
        .unwrap();
    let large = NativeText::source(&"b".repeat(64 * 1024));
    let told = hub.broadcast(TopicKind::Channel, "news", &large, None);
    told.in_time().await.unwrap();
    hub.probe().in_time().await.unwrap();
    assert_eq!(hub.metrics().slow_consumers_total.get(), 0);
}

#[tokio::test]
async fn a_long_batch_lets_other_tasks_on_its_worker_run() {
    let options = HubOptions {
        shards: 1,
        ..no_pings()
    };
    let tasks = TaskTracker::new();
    let hub = Arc::new(Hub::new(&options, Dialects::default(), &tasks));
    for _ in 0..2000 {
        let client = connect(&hub, Link::Detached);
        subscribe(&hub, &client, "news").await;
    }
    hub.probe().in_time().await.unwrap();
    let before = hub.metrics().deliveries_total.get();
    let frame = NativeText::source(&"x".repeat(60 * 1024));
    let publish = async {
        for _ in 0..500 {
            let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
            told.in_time().await.unwrap();
        }
    };
    let turns = async {
        let mut turns = 0;
        while hub.metrics().deliveries_total.get() < before + 500 * 2000 {
            turns += 1;
            yield_now().await;
        }
        turns
    };
    // A million writes, and a turn for the others every 5 ms.
    let ((), turns) = within("all deliveries", join(publish, turns)).await;
    assert!(turns > 20, "{turns} turns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_that_wait_for_the_same_mailboxes_never_deadlock() {
    let options = HubOptions {
        shards: 3,
        mailbox_capacity: 1,
        ..no_pings()
    };
    let (hub, tasks) = (
        Arc::new(Hub::new(&options, Dialects::default(), &TaskTracker::new())),
        TaskTracker::new(),
    );
    for _ in 0..6 {
        let client = connect(&hub, Link::Detached);
        subscribe(&hub, &client, "news").await;
    }
    for _ in 0..4 {
        let hub = hub.clone();
        tasks.spawn(async move {
            let frame = NativeText::source("x");
            for _ in 0..500 {
                let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
                assert_eq!(told.in_time().await.unwrap(), 6);
            }
        });
    }
    tasks.close();
    within_a_minute("all workers", tasks.wait()).await;
    assert_eq!(hub.metrics().broadcasts_total.get(), 4 * 500);
}

#[tokio::test]
async fn connected_clients_are_closed_when_the_hub_is_dropped() {
    let tasks = TaskTracker::new();
    let hub = Hub::new(&HubOptions::default(), Dialects::default(), &tasks);
    let pipe = Arc::<Pipe>::default();
    let client = connect(&hub, Link::Pipe(pipe.clone()));
    hub.send(&client, text("last")).in_time().await.unwrap();
    drop(hub);
    tasks.close();
    within("the end of the shards", tasks.wait()).await;
    assert_eq!(client.phase(), Phase::Closed);
    let mut bytes = Vec::new();
    assert!(poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).in_time().await);
    assert_eq!(bytes, b"\x81\x04last");
    assert!(
        !poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).in_time().await,
        "nothing follows"
    );
}

/// A dialect whose gap notices panic.
#[derive(Debug)]
struct Faulty;

impl Dialect for Faulty {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        Native.message(message, reply_to)
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        Native.topic_message(message, at)
    }

    fn gap(&self, _: TopicName<'_>, _: Gap) -> Frame {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_panic_of_a_shard_is_reported_and_nobody_waits_for_it_forever() {
    let dropping = TopicOptions {
        overflow: Overflow::DropOldest,
        ..TopicOptions::default()
    };
    let options = HubOptions {
        shards: 1,
        outbox_max_messages: 2,
        topics: TopicRules::all(dropping),
        ..no_pings()
    };
    let hub = Hub::new(&options, Dialects::new(&Faulty, &[]), &TaskTracker::new());
    let stalled = connect(&hub, Link::Pipe(Arc::default()));
    subscribe(&hub, &stalled, "news").await;
    assert!(hub.is_alive(PATIENCE));
    let message = NativeText::source(&"x".repeat(16 * 1024));
    let publish = async {
        loop {
            let (kind, name) = (TopicKind::Channel, &"news".into());
            if hub
                .publish(kind, name, &message, None, |_| None)
                .await
                .is_err()
            {
                break;
            }
        }
    };
    within("the refusal of a publication", publish).await;
    within("the report", hub.failed()).await;
    assert!(!hub.is_alive(PATIENCE));
    assert_eq!(hub.probe().in_time().await, Err(HubClosed));
    assert_eq!(stalled.phase(), Phase::Closed);
}
