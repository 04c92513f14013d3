//! How connections end whose stream is written by a task, and how their server drains.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::task::TaskTracker;
use wavecast::hub::ClientInfo;
use wavecast::node::DrainOptions;
use wavecast::protocol::{ServerMessage, TopicKind};
use wavecast::transport::websocket::Stream;
use wavecast::{WebSocketConfig, WebSocketServer};

use crate::patience::{InTime as _, eventually, within, within_a_minute};
use crate::watchdog::watch;

/// A server for connections in memory.
struct Edge {
    server: Arc<WebSocketServer>,
    /// The number of tasks of a server without connections: its shards.
    idle_tasks: usize,
    connections: TaskTracker,
}

impl Edge {
    fn new(change: impl FnOnce(&mut WebSocketConfig)) -> Self {
        watch();
        let mut config = WebSocketConfig::default();
        change(&mut config);
        if config.engine.shards == 0 {
            config.engine.shards = 2;
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

    async fn expect_nothing_left(&self) {
        let hub = self.server.node();
        eventually("the end of the connection", async || {
            self.connections.is_empty()
        })
        .await;
        eventually("the end of every task", async || {
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
async fn a_stream_that_its_peer_ends_leaves_no_task() {
    let edge = Edge::new(|_| {});
    let mut client = edge.connect(1024);
    client
        .write_all(&masked(r#"{"type":"ping"}"#))
        .await
        .unwrap();
    let mut pong = [0; 17];
    client.read_exact(&mut pong).in_time().await.unwrap();
    assert_eq!(&pong, b"\x81\x0f{\"type\":\"pong\"}");
    drop(client);
    edge.expect_nothing_left().await;
}

#[tokio::test]
async fn a_stalled_stream_leaves_no_task_after_its_eviction() {
    let edge = Edge::new(|config| {
        config.outbox.messages = 4;
        config.connections.close_timeout = Duration::from_millis(200);
    });
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).in_time().await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", async || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    within("an eviction", async {
        while node.hub().metrics().slow_consumers_total.get() == 0 {
            let data = "x".repeat(4096);
            edge.server.publish("news", &data).in_time().await.unwrap();
            node.hub().probe().in_time().await.unwrap();
        }
    })
    .await;
    edge.expect_nothing_left().await;
    assert_eq!(node.hub().metrics().slow_consumers_total.get(), 1);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_stream_that_reads_nothing_leaves_no_task() {
    let edge = Edge::new(|_| {});
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).in_time().await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", async || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    edge.server
        .publish("news", &"x".repeat(4096))
        .await
        .unwrap();
    node.hub().probe().in_time().await.unwrap();
    client.shutdown().in_time().await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    edge.expect_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_client_that_connects_during_a_drain_is_told_and_closed_at_once() {
    let edge = Edge::new(|_| {});
    let mut first = edge.connect(1024);
    let node = edge.server.node();
    eventually("the connection", async || node.hub().connections() == 1).await;
    let options = DrainOptions::default();
    let drained = node.drain(&options);
    let late_client = async {
        // The first connection has been closed, so the drain has decided which to close.
        let mut told = Vec::new();
        while !told.ends_with(b"\x88\x0a\x03\xe9shutdown") {
            assert_ne!(first.read_buf(&mut told).await.unwrap(), 0, "{told:?}");
        }
        let mut late = edge.connect(1024);
        let mut received = Vec::new();
        late.read_to_end(&mut received).await.unwrap();
        drop((first, late));
        received
    };
    let both = async { tokio::join!(drained, late_client) };
    let (left, received) = within("the drain, which does not wait for a late client", both).await;
    assert_eq!(left, 0);
    let text = String::from_utf8_lossy(&received);
    assert_eq!(text.matches(r#""event":"shutdown""#).count(), 1, "{text}");
    assert!(
        received.ends_with(b"\x88\x0a\x03\xe9shutdown"),
        "{received:?}"
    );
    edge.expect_nothing_left().await;
}

/// The paused clock jumps forward whenever every task waits.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_slow_reader_until_its_deadline() {
    let edge = Edge::new(|config| {
        config.drain.timeout = Duration::from_secs(60);
        config.pong_timeout = Duration::from_secs(600);
    });
    let mut client = edge.connect(256);
    let command = masked(r#"{"type":"subscribe","channel":"news"}"#);
    client.write_all(&command).in_time().await.unwrap();
    let node = edge.server.node();
    eventually("the subscription", async || {
        node.topics(TopicKind::Channel, None, 1).total == 1
    })
    .await;
    let event = "x".repeat(10_000);
    for _ in 0..40 {
        edge.server.publish("news", &event).in_time().await.unwrap();
    }
    let reading = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        drop(client);
        all
    };
    let both = async { tokio::join!(edge.server.drain(), reading) };
    let (left, all) = within_a_minute("the drain", both).await;
    assert_eq!(left, 0);
    let count = all.windows(10_000).filter(|part| part == &event.as_bytes());
    assert_eq!(count.count(), 40, "of {} bytes", all.len());
    assert!(
        all.ends_with(b"\x03\xe9shutdown"),
        "no Close frame at the end"
    );
}

#[tokio::test]
async fn a_panic_while_a_session_is_created_ends_only_its_connection() {
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
    let mut received = Vec::new();
    near.read_to_end(&mut received).in_time().await.unwrap();
    assert_eq!(received[0], 0x88);
    assert_eq!(&received[2..4], &1011_u16.to_be_bytes());
    drop(near);
    edge.expect_nothing_left().await;
    assert_eq!(edge.server.node().metrics().panics_total.get(), 1);
}

#[tokio::test]
async fn a_cancelled_cleanup_does_not_hide_a_connection_from_the_drain() {
    let edge = Edge::new(|config| {
        config.engine.shards = 1;
        config.engine.mailbox_capacity = 1;
    });
    let mut client = edge.connect(1024);
    let hub = edge.server.node();
    eventually("the connection", async || hub.connection_count() == 1).await;
    hub.probe().in_time().await.unwrap();
    let known = hub.hub().clients().pop().expect("a client");
    hub.send(&known, &ServerMessage::Pong)
        .in_time()
        .await
        .unwrap();
    {
        let cleanup = edge.server.cleanup_client(known.id());
        assert!(poll!(pin!(cleanup)).is_pending());
    }
    let reading = async {
        let mut all = Vec::new();
        client.read_to_end(&mut all).in_time().await.unwrap();
        drop(client);
    };
    let both = async { tokio::join!(edge.server.drain(), reading) };
    let (left, ()) = within("the drain, which finds every connection", both).await;
    assert_eq!(left, 0);
}

#[test]
fn a_stream_that_arrives_when_the_shards_are_gone_ends_at_once() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let gone = runtime();
    let edge = gone.block_on(async { Edge::new(|_| {}) });
    drop(gone);
    runtime().block_on(async {
        let mut client = edge.connect(1024);
        let mut received = Vec::new();
        client.read_to_end(&mut received).in_time().await.unwrap();
        // A Close frame with 1001.
        assert_eq!(received, b"\x88\x0a\x03\xe9shutdown");
    });
}
