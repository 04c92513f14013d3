//! Joins, leaves and disconnects that race or are cancelled.

use std::pin::pin;
use std::sync::Arc;

use futures_util::poll;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{ClientInfo, Hub, HubOptions, JoinOptions, Link, Pipe};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ErrorCode, Identity, Json, Refusal, TopicKind, UserId};
use wavecast::{ServerMessage, WebSocketConfig, WebSocketServer};

use super::support::{connect, drain, no_pings, one_place, subscribe, text};
use crate::patience::{InTime as _, within, within_a_minute};

/// A room message may be on its way when its sender's connection ends.
#[tokio::test]
async fn a_client_whose_memberships_are_ending_does_not_receive_what_it_published() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let pipe = Arc::<Pipe>::default();
    let leaver = connect(&hub, Link::Pipe(pipe.clone()));
    for name in ["a", "b"] {
        subscribe(&hub, &leaver, name).await;
    }
    hub.probe().in_time().await.unwrap();
    drain(&pipe).await;
    {
        let mut begun = pin!(hub.disconnect(&leaver, |_| None));
        assert!(poll!(&mut begun).is_pending(), "the mailbox is full");
    }
    let (own, name) = (NativeText::source("own"), Arc::from("a"));
    let published = hub.publish(TopicKind::Channel, &name, &own, Some(leaver.id()), |_| None);
    assert_eq!(published.in_time().await.unwrap().members, 0);
    hub.probe().in_time().await.unwrap();
    assert_eq!(drain(&pipe).await, b"");
    let ended = hub.disconnect(&leaver, |_| None).in_time().await;
    assert!(ended.unwrap());
}

/// If a slot were released while a membership still names it, the next connection would get
/// the slot and receive a channel that it never subscribed to.
#[tokio::test]
async fn a_slot_is_released_only_after_the_last_leave_in_any_order_of_disconnects() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let witness = connect(&hub, Link::Detached);
    let leaver = connect(&hub, Link::Detached);
    for name in ["a", "b", "c"] {
        subscribe(&hub, &witness, name).await;
        subscribe(&hub, &leaver, name).await;
    }
    hub.probe().in_time().await.unwrap();
    {
        let mut first = pin!(hub.disconnect(&leaver, |_| None));
        assert!(poll!(&mut first).is_pending(), "the mailbox is full");
        let second = async {
            hub.disconnect(&leaver, |_| None).in_time().await.unwrap();
            hub.release(&leaver, false).unwrap();
        };
        let mut second = pin!(second);
        let ended = poll!(&mut second);
        let both = async {
            tokio::join!(first, async {
                if ended.is_pending() {
                    second.await;
                }
            })
        };
        let (first, ()) = within("both disconnects", both).await;
        first.unwrap();
    }
    let pipe = Arc::<Pipe>::default();
    let newcomer = connect(&hub, Link::Pipe(pipe.clone()));
    let private = NativeText::source("private");
    for name in ["a", "b", "c"] {
        let told = hub.broadcast(TopicKind::Channel, name, &private, None);
        assert_eq!(told.in_time().await.unwrap(), 1);
    }
    hub.probe().in_time().await.unwrap();
    assert_eq!(drain(&pipe).await, b"", "{newcomer:?}");
}

#[tokio::test]
async fn a_cancelled_disconnect_is_completed_by_the_next_one() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let leaver = connect(&hub, Link::Detached);
    for name in ["a", "b", "c"] {
        subscribe(&hub, &leaver, name).await;
    }
    hub.probe().in_time().await.unwrap();
    {
        let mut dropped = pin!(hub.disconnect(&leaver, |_| None));
        assert!(poll!(&mut dropped).is_pending());
    }
    hub.disconnect(&leaver, |_| None).in_time().await.unwrap();
    assert_eq!(hub.topics(TopicKind::Channel).len(), 0);
}

/// The observer is told once that a connection has ended: by the one call that returns true.
#[tokio::test]
async fn one_of_all_disconnects_of_a_client_is_the_one_that_ended_it() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let leaver = connect(&hub, Link::Detached);
    for name in ["a", "b", "c"] {
        subscribe(&hub, &leaver, name).await;
    }
    let both = async {
        tokio::join!(
            hub.disconnect(&leaver, |_| None),
            hub.disconnect(&leaver, |_| None),
        )
    };
    let (first, second) = within("both disconnects", both).await;
    let later = hub.disconnect(&leaver, |_| None).in_time().await;
    let ended = [first, second, later].map(|ended| usize::from(ended.unwrap()));
    assert_eq!((ended.iter().sum::<usize>(), ended[2]), (1, 0), "{ended:?}");
}

#[tokio::test]
async fn a_cancelled_join_leaves_no_empty_room() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let client = connect(&hub, Link::Detached);
    hub.send(&client, text("fills the mailbox"))
        .in_time()
        .await
        .unwrap();
    {
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
async fn a_connection_that_is_cleaned_up_while_it_connects_leaves_nothing_behind() {
    let node = Node::new(
        Hub::new(&one_place(), Dialects::default(), &TaskTracker::new()),
        NodeOptions::default(),
    );
    let info = ClientInfo {
        identity: Some(Arc::new(Identity::new(UserId::new("ann").unwrap()))),
        ..ClientInfo::default()
    };
    let other = node.client_or_detached(Uuid::now_v7()).unwrap();
    node.send(&other, &ServerMessage::Pong)
        .in_time()
        .await
        .unwrap();
    let mut connecting = pin!(node.connect(info, None, Link::Pipe(Arc::default())));
    assert!(
        poll!(&mut connecting).is_pending(),
        "it waits for its subscription to $user:ann"
    );
    let client = node
        .hub()
        .clients()
        .into_iter()
        .find(|client| client.user().is_some_and(|user| user.as_str() == "ann"))
        .expect("the registry has it already");
    node.hub()
        .disconnect(&client, |_| None)
        .in_time()
        .await
        .unwrap();
    let failed = connecting.in_time().await.unwrap_err();
    assert_eq!(failed, Refusal::new(ErrorCode::NotFound));
    assert_eq!((node.hub().links(), node.hub().connections()), (0, 0));
}

#[tokio::test]
async fn excluding_a_client_that_is_not_a_member_does_not_change_the_count() {
    let server = WebSocketServer::new(WebSocketConfig::default());
    let (member, outsider) = (Uuid::now_v7(), Uuid::now_v7());
    server.join_room("inside", member).in_time().await.unwrap();
    server
        .join_room("outside", outsider)
        .in_time()
        .await
        .unwrap();
    let content = Json::encode("hello").unwrap();
    let sent = async |exclude| {
        let message = ServerMessage::Message {
            room: "inside",
            from: "test",
            content: &content,
        };
        let sent = server.broadcast_to_room("inside", message, exclude);
        sent.in_time().await.unwrap()
    };
    assert_eq!(sent(None).await, 1);
    assert_eq!(sent(Some(outsider)).await, 1);
    assert_eq!(sent(Some(member)).await, 0);
}

/// A topic retires when its last member leaves. A client that joins at that moment must be a
/// member of the topic's successor.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_joins_while_the_last_member_leaves_receives_the_topic() {
    let options = HubOptions {
        shards: 2,
        ..no_pings()
    };
    let (hub, tasks) = (
        Arc::new(Hub::new(&options, Dialects::default(), &TaskTracker::new())),
        TaskTracker::new(),
    );
    for worker in 0..4 {
        let hub = hub.clone();
        tasks.spawn(async move {
            let pipe = Arc::<Pipe>::default();
            let client = connect(&hub, Link::Pipe(pipe.clone()));
            for round in 0..500 {
                subscribe(&hub, &client, "news").await;
                let own = format!("<{worker} {round}>");
                let frame = NativeText::source(&own);
                let told = hub.broadcast(TopicKind::Channel, "news", &frame, None);
                assert!(told.in_time().await.unwrap() >= 1);
                let left = hub.leave(&client, TopicKind::Channel, "news", None, None);
                left.in_time().await.unwrap();
                // By the second answer, everything before the first has been written.
                hub.probe().in_time().await.unwrap();
                hub.probe().in_time().await.unwrap();
                let received = drain(&pipe).await;
                let found = received
                    .windows(own.len())
                    .any(|part| part == own.as_bytes());
                assert!(found, "{own} in {:?}", String::from_utf8_lossy(&received));
            }
            hub.disconnect(&client, |_| None).in_time().await.unwrap();
            hub.release(&client, true).unwrap();
        });
    }
    tasks.close();
    within_a_minute("all workers", tasks.wait()).await;
    assert_eq!(hub.topics(TopicKind::Channel).len(), 0);
    assert_eq!(
        (hub.links(), hub.clients().len()),
        (0, 0),
        "no worker has panicked"
    );
}
