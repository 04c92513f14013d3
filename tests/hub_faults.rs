//! What went wrong, or nearly did, at the edges of the hub: each test is one race or one
//! bad ending, without sockets.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, JoinError, Joining, Link, Phase, Pipe, Retention,
    TopicKind, TopicOptions, TopicRules,
};
use wavecast::node::{DrainOptions, Node, NodeOptions};
use wavecast::protocol::Json;
use wavecast::transport::Stream;
use wavecast::wire::Frame;
use wavecast::{ServerMessage, WebSocketConfig, WebSocketServer};

const PATIENCE: Duration = Duration::from_secs(5);

/// One shard whose mailbox holds one entry: whoever wants a second place waits.
fn narrow() -> HubOptions {
    HubOptions {
        shards: 1,
        mailbox_capacity: 1,
        ..HubOptions::default()
    }
}

fn text(text: &str) -> Frame {
    Frame::text(text.into())
}

async fn connect(hub: &Hub, link: Link) -> Arc<Client> {
    let connected = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    connected.await.unwrap().expect("a new id")
}

async fn subscribe(hub: &Hub, client: &Arc<Client>, name: &str) {
    let (kind, name) = (TopicKind::Channel, name.into());
    let joined = hub.join(client, kind, &name, Joining::default(), |_, _| None);
    joined.await.unwrap();
}

/// What waits in a pipe now.
async fn drain(pipe: &Pipe) -> Vec<u8> {
    let mut bytes = Vec::new();
    poll_fn(|cx| {
        while let Poll::Ready(true) = pipe.poll_read(cx, &mut bytes) {}
        Poll::Ready(())
    })
    .await;
    bytes
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, holds)
        .await
        .unwrap_or_else(|_| panic!("waited for {what}"));
}

/// A slot that is released while a membership still names it would be the next
/// connection's: it would hear a channel it never asked for.
#[tokio::test]
async fn a_slot_is_freed_only_after_the_last_leave_whoever_disconnects_first() {
    let hub = Hub::new(&narrow(), &TaskTracker::new());
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
    let hub = Hub::new(&narrow(), &TaskTracker::new());
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
    let hub = Hub::new(&narrow(), &TaskTracker::new());
    let client = connect(&hub, Link::Detached).await;
    {
        // The mailbox still holds the connection's entry.
        let name = "never".into();
        let join = hub.join(
            &client,
            TopicKind::Room,
            &name,
            Joining::default(),
            |_, _| None,
        );
        assert!(poll!(pin!(join)).is_pending());
    }
    assert_eq!(hub.topics(TopicKind::Room).len(), 0);
}

#[tokio::test]
async fn a_connection_that_is_cleaned_up_while_it_connects_leaves_nothing() {
    let node = Node::new(
        Hub::new(&narrow(), &TaskTracker::new()),
        NodeOptions::default(),
    );
    let info = ClientInfo {
        user: Some("ann".into()),
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
    assert_eq!(failed, JoinError::Disconnected);
    assert_eq!((node.hub().links(), node.hub().connections()), (0, 0));
}

#[tokio::test]
async fn a_batch_never_fills_the_outbox_of_a_client_that_takes_everything() {
    let options = HubOptions {
        shards: 1,
        outbox_max_bytes: 66 * 1024,
        ..HubOptions::default()
    };
    let hub = Hub::new(&options, &TaskTracker::new());
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
    let hub = Arc::new(Hub::new(&options, &tasks));
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
        Arc::new(Hub::new(&options, &TaskTracker::new())),
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
        Arc::new(Hub::new(&options, &TaskTracker::new())),
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
    let hub = Hub::new(&HubOptions::default(), &tasks);
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

/// A server that takes in-memory connections.
struct Edge {
    server: Arc<WebSocketServer>,
    /// Tasks of a server without connections: its shards.
    idle_tasks: usize,
    connections: TaskTracker,
}

impl Edge {
    fn new(change: impl FnOnce(&mut WebSocketConfig)) -> Self {
        let mut config = WebSocketConfig::default();
        change(&mut config);
        if config.shards == 0 {
            config.shards = 2;
        }
        let server = Arc::new(WebSocketServer::new(config));
        let idle_tasks = server.tasks().len();
        Self {
            server,
            idle_tasks,
            connections: TaskTracker::new(),
        }
    }

    fn connect(&self, buffer: usize) -> DuplexStream {
        let (near, far) = duplex(buffer);
        let server = self.server.clone();
        self.connections
            .spawn(async move { server.handle_connection(Stream::other(far)).await });
        near
    }

    async fn all_is_gone(&self) {
        let hub = self.server.node().hub();
        eventually("the end of the connection", || self.connections.is_empty()).await;
        eventually("the end of every task", || {
            self.server.tasks().len() == self.idle_tasks
        })
        .await;
        assert_eq!((hub.links(), hub.clients().len()), (0, 0));
    }
}

/// A client's text frame, masked with zeros.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_stream_that_the_peer_ends_leaves_no_task() {
    let edge = Edge::new(|_| {});
    let mut client = edge.connect(1024);
    client
        .write_all(&masked(r#"{"type":"ping"}"#))
        .await
        .unwrap();
    let mut pong = [0; 17];
    client.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x81\x0f{\"type\":\"pong\"}");
    drop(client);
    edge.all_is_gone().await;
}

#[tokio::test]
async fn a_stream_that_stalls_leaves_no_task_after_its_eviction() {
    let edge = Edge::new(|config| config.outbox_messages = 4);
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    while node.hub().metrics().slow_consumers_total.get() == 0 {
        let data = "x".repeat(4096);
        edge.server.publish("news", &data).await.unwrap();
        node.hub().probe().await.unwrap();
    }
    edge.all_is_gone().await;
    assert_eq!(node.hub().metrics().slow_consumers_total.get(), 1);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_half_ended_and_takes_nothing_leaves_no_task() {
    let edge = Edge::new(|_| {});
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    edge.server
        .publish("news", &"x".repeat(4096))
        .await
        .unwrap();
    node.hub().probe().await.unwrap();
    client.shutdown().await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    edge.all_is_gone().await;
    drop(client);
}

#[tokio::test]
async fn who_connects_during_a_drain_is_sent_away_at_once() {
    let edge = Edge::new(|_| {});
    let mut first = edge.connect(1024);
    let node = edge.server.node();
    eventually("the connection", || node.hub().connections() == 1).await;
    let options = DrainOptions::default();
    let drained = node.drain(&options);
    let latecomer = async {
        // The first connection was told; whom the drain closes is decided.
        let mut told = Vec::new();
        while !told.ends_with(b"\x88\x0a\x03\xe9shutdown") {
            assert_ne!(first.read_buf(&mut told).await.unwrap(), 0, "{told:?}");
        }
        let mut late = edge.connect(1024);
        let mut said = Vec::new();
        late.read_to_end(&mut said).await.unwrap();
        drop((first, late));
        said
    };
    let both = timeout(PATIENCE, async { tokio::join!(drained, latecomer) });
    let (left, said) = both.await.expect("the drain waits for a latecomer");
    assert_eq!(left, 0);
    assert!(said.starts_with(b"\x88"), "{said:?}");
    assert_eq!(&said[2..4], &1001_u16.to_be_bytes());
    edge.all_is_gone().await;
}

/// Time stands still where nothing can happen, and jumps where something waits for it.
#[tokio::test(start_paused = true)]
async fn a_drain_gives_a_slow_reader_until_its_deadline() {
    let edge = Edge::new(|config| {
        config.drain_timeout = Duration::from_secs(60);
        config.pong_timeout = Duration::from_secs(600);
    });
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    let event = "x".repeat(10_000);
    for _ in 0..40 {
        edge.server.publish("news", &event).await.unwrap();
    }
    let reading = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        drop(client);
        all
    };
    let (left, all) = tokio::join!(edge.server.drain(), reading);
    assert_eq!(left, 0);
    let count = all.windows(10_000).filter(|part| part == &event.as_bytes());
    assert_eq!(count.count(), 40, "of {} bytes", all.len());
    assert!(all.ends_with(b"\x03\xe9shutdown"), "no Close at the end");
}

#[tokio::test]
async fn a_session_that_panics_when_it_is_made_ends_its_connection_only() {
    let edge = Edge::new(|_| {});
    let (mut near, far) = duplex(1024);
    let server = edge.server.clone();
    edge.connections.spawn(async move {
        let opened = wavecast::transport::open(
            server.node().clone(),
            server.tasks(),
            (Stream::other(far), bytes::Bytes::new()),
            ClientInfo::default(),
            wavecast::wire::Limits::default(),
            |_| -> wavecast::session::ClientSession { panic!("on purpose") },
        );
        opened.await.expect("a running hub").run().await;
    });
    let mut said = Vec::new();
    let read = timeout(PATIENCE, near.read_to_end(&mut said)).await;
    read.expect("the connection ends").unwrap();
    assert_eq!(said[0], 0x88);
    assert_eq!(&said[2..4], &1011_u16.to_be_bytes());
    drop(near);
    edge.all_is_gone().await;
    assert_eq!(edge.server.node().hub().metrics().panics_total.get(), 1);
}

#[tokio::test]
async fn a_cleanup_that_is_dropped_half_way_does_not_hide_a_connection_from_the_drain() {
    let edge = Edge::new(|config| {
        config.shards = 1;
        config.mailbox_capacity = 1;
    });
    let mut client = edge.connect(1024);
    let hub = edge.server.node().hub();
    eventually("the connection", || hub.connections() == 1).await;
    hub.probe().await.unwrap();
    let known = hub.clients().pop().expect("a client");
    hub.send(&known, text("fills the mailbox")).await.unwrap();
    {
        let cleanup = edge.server.cleanup_client(known.id());
        assert!(poll!(pin!(cleanup)).is_pending());
    }
    let reading = async {
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        drop(client);
    };
    let both = timeout(PATIENCE, async {
        tokio::join!(edge.server.drain(), reading)
    });
    let (left, ()) = both.await.expect("the drain finds everybody");
    assert_eq!(left, 0);
}

#[test]
fn a_stream_that_comes_when_the_shards_are_gone_ends_at_once() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let gone = runtime();
    let edge = gone.block_on(async { Edge::new(|_| {}) });
    drop(gone);
    runtime().block_on(async {
        let mut client = edge.connect(1024);
        let mut said = Vec::new();
        let read = timeout(PATIENCE, client.read_to_end(&mut said)).await;
        read.expect("the stream ends").unwrap();
        assert_eq!(said, b"");
    });
}

/// Every room and channel keeps a history, all together so many bytes.
fn remembering(max_bytes: usize) -> HubOptions {
    HubOptions {
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        }),
        retention: Retention {
            max_bytes,
            ..Retention::default()
        },
        ..narrow()
    }
}

async fn publish(hub: &Hub, name: usize) {
    let (kind, name) = (TopicKind::Channel, name.to_string().into());
    let message = r#"{"n":1}"#.into();
    let published = hub.publish(kind, &name, &message, None, |_| None);
    published.await.unwrap();
}

/// Positions alone can be too much, with no message left to drop: none had room, or all
/// have expired. They then kept every later publication out until their own time was over.
#[tokio::test]
async fn positions_give_way_when_there_is_no_message_to_drop() {
    const MAX_BYTES: usize = 1000;
    let hub = Hub::new(&remembering(MAX_BYTES), &TaskTracker::new());
    for name in 0..20 {
        publish(&hub, name).await;
    }
    eventually("positions that are forgotten", || {
        hub.history_bytes() <= MAX_BYTES
    })
    .await;
}

/// A position counted until whoever looked for something to forget had done with all of
/// them, so one too many cost them all.
#[tokio::test]
async fn no_more_positions_are_forgotten_than_must_be() {
    const MAX_BYTES: usize = 50_000;
    let hub = Hub::new(&remembering(MAX_BYTES), &TaskTracker::new());
    let mut most = 0;
    for name in 0..200 {
        publish(&hub, name).await;
        // What there is to forget is forgotten before the next.
        eventually("room", || hub.history_bytes() <= MAX_BYTES).await;
        let now = hub.topics(TopicKind::Channel).len();
        most = most.max(now);
        assert!(now >= most * 3 / 4, "{now} of {most} at {name}");
    }
    assert!(most > 50, "{most}");
}
