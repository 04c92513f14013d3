//! Endings of connections whose stream a task writes, and of a server with such connections.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use wavecast::hub::ClientInfo;
use wavecast::node::DrainOptions;
use wavecast::protocol::TopicKind;
use wavecast::transport::websocket::Stream;
use wavecast::{WebSocketConfig, WebSocketServer};

use super::support::{PATIENCE, eventually, text};

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
        let hub = self.server.node();
        eventually("the end of the connection", || self.connections.is_empty()).await;
        eventually("the end of every task", || {
            self.server.tasks().len() == self.idle_tasks
        })
        .await;
        assert_eq!((hub.links(), hub.hub().clients().len()), (0, 0));
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
        let opened = wavecast::transport::websocket::open(
            server.node().clone(),
            server.tasks(),
            (Stream::other(far), bytes::Bytes::new()),
            ClientInfo::default(),
            wavecast::wire::Limits::default(),
            |_| -> wavecast::session::NativeSession { panic!("on purpose") },
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
    assert_eq!(edge.server.node().metrics().panics_total.get(), 1);
}

#[tokio::test]
async fn a_cleanup_that_is_dropped_half_way_does_not_hide_a_connection_from_the_drain() {
    let edge = Edge::new(|config| {
        config.shards = 1;
        config.mailbox_capacity = 1;
    });
    let mut client = edge.connect(1024);
    let hub = edge.server.node();
    eventually("the connection", || hub.connection_count() == 1).await;
    hub.probe().await.unwrap();
    let known = hub.hub().clients().pop().expect("a client");
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
