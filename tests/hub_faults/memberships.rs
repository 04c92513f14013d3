//! Memberships, mailboxes and shards in races.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use futures_util::poll;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::native::Native;
use wavecast::hub::{ClientInfo, Hub, HubOptions, JoinOptions, Link, Phase, Pipe};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ErrorCode, Identity, Json, Refusal, TopicKind, UserId};
use wavecast::{ServerMessage, WebSocketConfig, WebSocketServer};

use super::support::{PATIENCE, connect, drain, narrow, subscribe, text};

/// A slot that is released while a membership still names it would be the next
/// connection's: it would hear a channel it never asked for.
#[tokio::test]
async fn a_slot_is_freed_only_after_the_last_leave_whoever_disconnects_first() {
    let hub = Hub::new(&narrow(), &Native, &TaskTracker::new());
    let witness = connect(&hub, Link::Detached).await;
    let leaver = connect(&hub, Link::Detached).await;
    for name in ["a", "b", "c"] {
        subscribe(&hub, &witness, name).await;
        subscribe(&hub, &leaver, name).await;
    }
    hub.probe().await.unwrap();
    {
        let mut first = pin!(hub.disconnect(&leaver, |_| None));
        assert!(poll!(&mut first).is_pending(), "the mailbox is full");
        let second = async {
            hub.disconnect(&leaver, |_| None).await.unwrap();
            hub.release(&leaver, false).await.unwrap();
        };
        let mut second = pin!(second);
        let ended = poll!(&mut second);
        let (first, ()) = tokio::join!(first, async {
            if ended.is_pending() {
                second.await;
            }
        });
        first.unwrap();
    }
    let pipe = Arc::<Pipe>::default();
    let newcomer = connect(&hub, Link::Pipe(pipe.clone())).await;
    let private = text("private");
    for name in ["a", "b", "c"] {
        let told = hub.broadcast(TopicKind::Channel, name, &private, None);
        assert_eq!(told.await.unwrap(), 1);
    }
    hub.probe().await.unwrap();
    assert_eq!(drain(&pipe).await, b"", "{newcomer:?}");
}

#[tokio::test]
async fn a_disconnect_that_is_dropped_half_way_is_finished_by_the_next() {
    let hub = Hub::new(&narrow(), &Native, &TaskTracker::new());
    let leaver = connect(&hub, Link::Detached).await;
    for name in ["a", "b", "c"] {
        subscribe(&hub, &leaver, name).await;
    }
    hub.probe().await.unwrap();
    {
        let mut dropped = pin!(hub.disconnect(&leaver, |_| None));
        assert!(poll!(&mut dropped).is_pending());
    }
    hub.disconnect(&leaver, |_| None).await.unwrap();
    assert_eq!(hub.topics(TopicKind::Channel).len(), 0);
}

#[tokio::test]
async fn a_join_that_is_dropped_leaves_no_empty_room() {
    let hub = Hub::new(&narrow(), &Native, &TaskTracker::new());
    let client = connect(&hub, Link::Detached).await;
    {
        // The mailbox still holds the connection's entry.
        let name = "never".into();
        let join = hub.join(
            &client,
            TopicKind::Room,
            &name,
            JoinOptions::default(),
            |_, _| None,
        );
        assert!(poll!(pin!(join)).is_pending());
    }
    assert_eq!(hub.topics(TopicKind::Room).len(), 0);
}

#[tokio::test]
async fn a_connection_that_is_cleaned_up_while_it_connects_leaves_nothing() {
    let node = Node::new(
        Hub::new(&narrow(), &Native, &TaskTracker::new()),
        NodeOptions::default(),
    );
    let info = ClientInfo {
        identity: Some(Arc::new(Identity::new(UserId::new("ann").unwrap()))),
        ..ClientInfo::default()
    };
    let mut connecting = pin!(node.connect(info, Link::Pipe(Arc::default())));
    assert!(
        poll!(&mut connecting).is_pending(),
        "it waits to hear $user:ann"
    );
    let client = node.hub().clients().pop().expect("it is known already");
    node.hub().disconnect(&client, |_| None).await.unwrap();
    let failed = connecting.await.unwrap_err();
    assert_eq!(failed, Refusal::new(ErrorCode::NotFound));
    assert_eq!((node.hub().links(), node.hub().connections()), (0, 0));
}

#[tokio::test]
async fn a_batch_never_fills_the_outbox_of_a_client_that_takes_everything() {
    let options = HubOptions {
        shards: 1,
        outbox_max_bytes: 66 * 1024,
        ..HubOptions::default()
    };
    let hub = Hub::new(&options, &Native, &TaskTracker::new());
    let client = connect(&hub, Link::Detached).await;
    subscribe(&hub, &client, "news").await;
    hub.probe().await.unwrap();
    // Both wait in the mailbox before the shard runs.
    hub.send(&client, text(&"a".repeat(15_000))).await.unwrap();
    let large = text(&"b".repeat(64 * 1024));
    let told = hub.broadcast(TopicKind::Channel, "news", &large, None);
    told.await.unwrap();
    hub.probe().await.unwrap();
    assert_eq!(hub.metrics().slow_consumers_total.get(), 0);
}

#[tokio::test]
async fn a_long_batch_lets_other_tasks_of_its_worker_run() {
    let options = HubOptions {
        shards: 1,
        ..HubOptions::default()
    };
    let tasks = TaskTracker::new();
    let hub = Arc::new(Hub::new(&options, &Native, &tasks));
    for _ in 0..100 {
        let client = connect(&hub, Link::Detached).await;
        subscribe(&hub, &client, "news").await;
    }
    hub.probe().await.unwrap();
    let before = hub.metrics().deliveries_total.get();
    let frame = text(&"x".repeat(60 * 1024));
    for _ in 0..200 {
        let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
        told.await.unwrap();
    }
    let turns = async {
        let mut turns = 0;
        while hub.metrics().deliveries_total.get() < before + 200 * 100 {
            turns += 1;
            yield_now().await;
        }
        turns
    };
    // 20 000 writes, a turn every 128.
    let turns = timeout(PATIENCE, turns).await.expect("all are delivered");
    assert!(turns > 100, "{turns} turns");
}

#[tokio::test]
async fn leaving_somebody_out_who_is_not_there_does_not_change_the_count() {
    let server = WebSocketServer::new(WebSocketConfig::default());
    let (member, outsider) = (Uuid::now_v7(), Uuid::now_v7());
    server.join_room("inside", member).await.unwrap();
    server.join_room("outside", outsider).await.unwrap();
    let content = Json::encode("hello").unwrap();
    let sent = async |exclude| {
        let message = ServerMessage::Message {
            room: "inside",
            from: "test",
            content: &content,
        };
        let sent = server.broadcast_to_room("inside", message, exclude);
        sent.await.unwrap()
    };
    assert_eq!(sent(None).await, 1);
    assert_eq!(sent(Some(outsider)).await, 1);
    assert_eq!(sent(Some(member)).await, 0);
}

/// A topic retires when its last member leaves; whoever joins at that moment is in its
/// successor, not in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_joins_while_the_last_member_leaves_hears_the_topic() {
    let options = HubOptions {
        shards: 2,
        ..HubOptions::default()
    };
    let (hub, tasks) = (
        Arc::new(Hub::new(&options, &Native, &TaskTracker::new())),
        TaskTracker::new(),
    );
    for worker in 0..4 {
        let hub = hub.clone();
        tasks.spawn(async move {
            let pipe = Arc::<Pipe>::default();
            let client = connect(&hub, Link::Pipe(pipe.clone())).await;
            for round in 0..500 {
                subscribe(&hub, &client, "news").await;
                let own = format!("<{worker} {round}>");
                let frame = text(&own);
                let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
                assert!(told.await.unwrap() >= 1);
                let left = hub.leave(&client, TopicKind::Channel, "news", None, None);
                left.await.unwrap();
                // The second answer comes when all before the first has been written.
                hub.probe().await.unwrap();
                hub.probe().await.unwrap();
                let heard = drain(&pipe).await;
                let found = heard.windows(own.len()).any(|part| part == own.as_bytes());
                assert!(found, "{own} in {:?}", String::from_utf8_lossy(&heard));
            }
            hub.disconnect(&client, |_| None).await.unwrap();
            hub.release(&client, true).await.unwrap();
        });
    }
    tasks.close();
    timeout(4 * PATIENCE, tasks.wait())
        .await
        .expect("a deadlock");
    assert_eq!(hub.topics(TopicKind::Channel).len(), 0);
    assert_eq!(
        (hub.links(), hub.clients().len()),
        (0, 0),
        "a worker panicked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_that_wait_for_each_others_places_never_deadlock() {
    let options = HubOptions {
        shards: 3,
        mailbox_capacity: 1,
        ..HubOptions::default()
    };
    let (hub, tasks) = (
        Arc::new(Hub::new(&options, &Native, &TaskTracker::new())),
        TaskTracker::new(),
    );
    for _ in 0..6 {
        let client = connect(&hub, Link::Detached).await;
        subscribe(&hub, &client, "news").await;
    }
    for _ in 0..4 {
        let hub = hub.clone();
        tasks.spawn(async move {
            let frame = text("x");
            for _ in 0..500 {
                let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
                assert_eq!(told.await.unwrap(), 6);
            }
        });
    }
    tasks.close();
    timeout(4 * PATIENCE, tasks.wait())
        .await
        .expect("a deadlock");
    assert_eq!(hub.metrics().broadcasts_total.get(), 4 * 500);
}

#[tokio::test]
async fn who_is_connected_when_the_hub_goes_is_told() {
    let tasks = TaskTracker::new();
    let hub = Hub::new(&HubOptions::default(), &Native, &tasks);
    let pipe = Arc::<Pipe>::default();
    let client = connect(&hub, Link::Pipe(pipe.clone())).await;
    hub.send(&client, text("last")).await.unwrap();
    drop(hub);
    tasks.close();
    timeout(PATIENCE, tasks.wait())
        .await
        .expect("the shards end");
    assert_eq!(client.phase(), Phase::Closed);
    let mut bytes = Vec::new();
    assert!(poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await);
    assert_eq!(bytes, b"\x81\x04last");
    assert!(
        !poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await,
        "no end"
    );
}
