//! What goes wrong around a connection ends that connection only, and soon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::http::{ServeOptions, serve};
use wavecast::hub::{Client as Known, ClientInfo, HubClosed};
use wavecast::session::{ClientSession, Message, Session};
use wavecast::wire::Limits;
use wavecast::{WebSocketServer, transport};

use crate::support::{
    Binary, Client, HANDSHAKE, TestServer, config, eventually, request, text_frame, within,
};

/// A session with a bug: it panics at what a client says.
struct Fragile {
    inner: ClientSession,
    works: bool,
}

impl Session for Fragile {
    fn accept(&mut self, message: Message<'_>) {
        if let Message::Text(text) = &message {
            assert_ne!(**text, *b"panic while reading", "on purpose");
            self.works |= **text == *b"panic while working";
        }
        if !self.works {
            self.inner.accept(message);
        }
    }

    fn has_work(&self) -> bool {
        self.works || self.inner.has_work()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        tokio::task::yield_now().await;
        assert!(!self.works, "on purpose");
        self.inner.perform().await
    }
}

/// Serves sockets without an HTTP handshake.
async fn serve_fragile(server: Arc<WebSocketServer>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("an address");
    let tasks = server.tasks().clone();
    let spawner = tasks.clone();
    spawner.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, node) = (server.clone(), server.node().clone());
            tasks.spawn(async move {
                let session = |client: Arc<Known>| Fragile {
                    inner: ClientSession::new(node.clone(), client),
                    works: false,
                };
                let stream = (stream.into(), Bytes::new());
                let (info, limits) = (ClientInfo::default(), Limits::default());
                let opened =
                    transport::open(node.clone(), server.tasks(), stream, info, limits, session);
                opened.await.expect("a running hub").run().await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_panic_ends_the_connection_it_is_in_and_no_other() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let address = serve_fragile(server.clone()).await;
    let mut neighbour = Client::dial(address).await;
    neighbour.join("lobby", 1).await;
    for (count, text) in [(1, "panic while reading"), (2, "panic while working")] {
        let mut fragile = Client::dial(address).await;
        fragile.join("lobby", 2).await;
        assert_eq!(neighbour.next_json().await["type"], "user_joined");
        fragile.send_text(text).await;
        fragile.expect_close(1011).await;
        fragile.expect_end().await;
        assert_eq!(neighbour.next_json().await["type"], "user_left");
        assert_eq!(server.node().hub().metrics().panics_total.get(), count);
    }
    neighbour.expect_silence().await;
    let hub = server.node().hub();
    eventually("the end of both", async || hub.links() == 1).await;
}

#[tokio::test]
async fn a_client_that_sends_a_byte_at_a_time_is_served() {
    let edge = TestServer::start_default().await;
    let mut client = Client::dial(edge.address).await;
    for byte in HANDSHAKE.as_bytes() {
        client.send(&[*byte]).await;
    }
    client.expect_upgrade().await;
    for byte in text_frame(r#"{"type":"join","room":"slow"}"#) {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    client
        .expect_text(r#"{"type":"joined","room":"slow","members":1}"#)
        .await;
}

#[tokio::test]
async fn two_hundred_connects_in_one_burst_all_succeed() {
    let edge = TestServer::start_default().await;
    let mut connecting = JoinSet::new();
    for _ in 0..200 {
        let address = edge.address;
        connecting.spawn(async move { Client::connect(address, "/ws").await });
    }
    let clients = connecting.join_all().await;
    assert_eq!(edge.get("/api/stats").await["active_connections"], 200);
    drop(clients);
}

/// Sends a request and reads the status; `None` when the connection ended without one.
async fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.expect("connect");
    // A server that refuses early may not read it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn without_descriptors_the_server_says_no_at_once_and_recovers() {
    let edge = Binary::start_with_descriptors(64).await;
    let mut held = Vec::new();
    let full = loop {
        let mut stream = TcpStream::connect(edge.address).await.expect("connect");
        stream.write_all(HANDSHAKE.as_bytes()).await.expect("send");
        let mut status = [0; 12];
        within("an answer", stream.read_exact(&mut status))
            .await
            .expect("an answer");
        match &status[9..] {
            b"101" => held.push(stream),
            b"503" => break held.len(),
            other => panic!("{:?}", std::str::from_utf8(other)),
        }
        assert!(held.len() < 64, "more than there are descriptors");
    };
    assert!(full > 20, "only {full} connections");
    // Many at once, too: each has its answer soon.
    let mut asking = JoinSet::new();
    for _ in 0..30 {
        let address = edge.address;
        asking.spawn(async move {
            let began = Instant::now();
            (
                within("a 503", status(address, HEALTHZ)).await,
                began.elapsed(),
            )
        });
    }
    for (answer, took) in asking.join_all().await {
        assert_eq!(answer, Some(503));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    drop(held);
    eventually("the recovery", async || {
        status(edge.address, HEALTHZ).await == Some(200)
    })
    .await;
    let mut client = edge.connect().await;
    client.expect_silence().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_ends_with_408() {
    let edge = TestServer::start_default().await;
    let mut stream = TcpStream::connect(edge.address).await.expect("connect");
    let head = "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"cha";
    stream.write_all(head.as_bytes()).await.expect("send");
    let mut answer = vec![0; 12];
    // The server's own deadline is ten seconds.
    let answered = timeout(Duration::from_secs(15), stream.read_exact(&mut answer)).await;
    answered.expect("an answer in time").expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[test]
fn a_publisher_that_finds_the_mailboxes_full_waits_and_then_gets_503() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    // The shard lives on a runtime that stands still until it is let go.
    let (asleep, awake) = (runtime(), runtime());
    let server = asleep.block_on(async {
        let server = WebSocketServer::new(config(|config| {
            config.shards = 1;
            config.mailbox_capacity = 2;
            config.publish_timeout = Duration::from_millis(100);
        }));
        let member = Uuid::now_v7();
        server.join_room("lobby", member).await.expect("join");
        let node = server.node();
        let client = node.hub().client(member).expect("a client");
        let channel = wavecast::protocol::ChannelName::new("news").expect("a name");
        node.subscribe(&client, &channel, None, None)
            .await
            .expect("subscribe");
        node.hub().probe().await.expect("a shard");
        Arc::new(server)
    });
    let event = json!({"channel": "news", "data": {"message": "hello"}});
    let address = awake.block_on(async {
        let listener = transport::listen("127.0.0.1:0".parse().unwrap()).expect("listen");
        let address = listener.local_addr().expect("an address");
        let tasks = TaskTracker::new();
        let (router, stop) = (server.router(), CancellationToken::new());
        tasks.spawn(serve(
            listener,
            router,
            ServeOptions::default(),
            tasks.clone(),
            stop,
        ));
        for expected in [200, 200, 503] {
            let began = Instant::now();
            let answer = request(address, "POST", "/api/events", Some(&event)).await;
            assert_eq!(answer.status, expected, "{}", answer.body);
            if expected == 503 {
                answer.expect_problem(503, "overloaded");
                assert!(answer.header("retry-after").is_some());
                assert!(
                    began.elapsed() >= Duration::from_millis(100),
                    "it waits first"
                );
            }
        }
        address
    });
    let woken = std::thread::spawn(move || {
        asleep.block_on(async { server.node().hub().probe().await.expect("a shard") });
        asleep
    });
    let _asleep_again = woken.join().expect("the shard answers");
    awake.block_on(async {
        let answer = request(address, "POST", "/api/events", Some(&event)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    });
}
