//! The calls that an application's observer gets, their order, and that a faulty one does no
//! harm.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use uuid::Uuid;
use wavecast::hub::{ClientInfo, Link, Pipe};
use wavecast::{ClientRef, Observer, TopicName, WebSocketConfig, WebSocketServer};

use super::books::Books;
use crate::support::{
    CLOSE, Client, EventSource, HANDSHAKE, TestServer, config, eventually, within,
};

async fn observed(config: WebSocketConfig) -> (TestServer, Arc<Books>) {
    let books = Arc::<Books>::default();
    let server = WebSocketServer::builder(config).observer(books.clone());
    let server = Arc::new(server.build().expect("a configuration that works"));
    let router = server.router();
    (TestServer::start_behind(server, router).await, books)
}

#[tokio::test]
async fn an_observer_is_notified_of_what_one_client_does_in_order() {
    let (server, books) = observed(config(|config| config.trust_user_parameter = true)).await;
    let mut client = server.connect_as("ada").await;
    client.join("general", 1).await;
    client.join("general", 1).await;
    client.subscribe("news").await;
    client.subscribe("$all").await;
    client.unsubscribe("news").await;
    assert_eq!(
        books.take(),
        [
            "connected",
            "occupied channel $user:ada",
            "subscribed channel $user:ada",
            "occupied room general",
            "joined room general",
            "occupied channel news",
            "subscribed channel news",
            "unsubscribed channel news",
            "vacated channel news",
        ]
    );
    client.leave("general").await;
    client.close().await;
    eventually("its end", async || server.server.node().links() == 0).await;
    assert_eq!(
        books.take(),
        [
            "left room general",
            "vacated room general",
            "unsubscribed channel $user:ada",
            "vacated channel $user:ada",
            "disconnected",
        ]
    );
    books.assert_in_order();
}

#[tokio::test]
async fn every_kind_of_disconnect_is_reported_once() {
    let (server, books) = observed(config(|config| {
        config.drain.timeout = Duration::from_secs(2);
    }))
    .await;
    let edge = &server.server;
    let mut clients = server.connect_many(6).await;
    let mut ids = Vec::new();
    for (index, client) in clients.iter_mut().enumerate() {
        client.join("general", index + 1).await;
        ids.push(server.id_of(client).await);
    }
    let [closed, hung_up, killed, broken, operated, drained] = clients.try_into().unwrap();
    let mut stream = EventSource::open(server.address, "/sse?channel=general").await;
    stream.expect_subscribed(&["general"]).await;
    let streamed = edge.node().hub().clients();
    let streamed = streamed.iter().map(|client| client.id());
    ids.extend(streamed.filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    assert_eq!(ids.len(), 7);

    let mut closed = closed;
    closed.send_close(1000).await;
    drop(hung_up);
    killed.reset();
    let mut broken = broken;
    broken.send(b"\xff\xff\xff\xff").await;
    edge.cleanup_client(ids[4]).await.unwrap();
    // A second cleanup has nothing to do.
    edge.cleanup_client(ids[4]).await.unwrap();
    drop(stream);
    let ended = [ids[0], ids[1], ids[2], ids[3], ids[4], ids[6]];
    eventually("six ends", async || {
        ended.iter().all(|id| books.ends_of(*id) == 1)
    })
    .await;
    assert_eq!(books.members_of("room general"), BTreeSet::from([ids[5]]));
    drop((closed, broken, operated));
    let mut drained = drained;
    let draining = edge.clone();
    let draining = edge.tasks().spawn(async move { draining.drain().await });
    while drained.next_frame().await.first != CLOSE {}
    drop(drained);
    assert_eq!(within("the drain", draining).await.unwrap(), 0);
    for id in &ids {
        assert_eq!(books.ends_of(*id), 1, "{id}");
    }
    assert!(books.members_of("room general").is_empty());
    books.assert_in_order();
}

/// A client whose kernel buffers little while it does not read.
async fn connect_narrow(address: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set SO_RCVBUF");
    let mut client = Client::over(socket.connect(address).await.expect("connect"));
    client.send(HANDSHAKE.as_bytes()).await;
    client.expect_upgrade().await;
    client.expect_silence().await;
    client
}

#[tokio::test]
async fn a_silent_or_slow_client_is_reported_as_disconnected_once() {
    let (server, books) = observed(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.pong_timeout = Duration::from_millis(300);
        config.outbox.messages = 4;
    }))
    .await;
    let mut silent = server.connect().await;
    silent.answers_pings = false;
    silent.join("general", 1).await;
    let silent_id = server.id_of(&silent).await;
    eventually("the end of the silent one", async || {
        books.ends_of(silent_id) == 1
    })
    .await;
    assert!(!books.take().contains(&"evicted".to_owned()));

    let slow = connect_narrow(server.address).await;
    let slow_id = server.id_of(&slow).await;
    let padding = "x".repeat(60_000);
    within("an eviction", async {
        while books.0.lock().unwrap().evicted.is_empty() {
            server.publish("$all", &padding).await;
        }
    })
    .await;
    eventually("the end of the slow one", async || {
        books.ends_of(slow_id) == 1
    })
    .await;
    let told = books.take();
    let ends: Vec<_> = told.iter().filter(|it| !it.contains(' ')).collect();
    assert_eq!(ends, ["connected", "evicted", "disconnected"]);
    books.assert_in_order();
}

#[tokio::test]
async fn an_eviction_after_the_disconnect_is_not_reported() {
    let (server, books) = observed(config(|config| {
        config.engine.shards = 1;
        config.outbox.messages = 4;
    }))
    .await;
    // Another client, so that announcements still reach the shard.
    let mut witness = server.connect().await;
    let node = server.server.node();
    let link = Link::Pipe(Arc::<Pipe>::default());
    let client = node
        .connect(ClientInfo::default(), None, link)
        .await
        .unwrap();
    node.disconnect(&client).await.unwrap();
    assert_eq!(books.take(), ["connected", "connected", "disconnected"]);
    // The shard keeps the client until the connection's task releases it.
    let padding = "x".repeat(10_000);
    within("an eviction", async {
        while node.metrics().slow_consumers_total.get() == 0 {
            server.server.publish("$all", &padding).await.unwrap();
            witness.next_text().await;
        }
    })
    .await;
    node.release(&client, true).unwrap();
    assert_eq!(books.take(), Vec::<String>::new());
    books.assert_in_order();
}

/// Many tasks join and leave the same room and channel, with and without connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_books_match_the_members_under_concurrent_changes() {
    const TASKS: u128 = 8;
    const ROUNDS: usize = 600;
    let (server, books) = observed(config(|_| {})).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let edge = server.server.clone();
        tasks.spawn(async move {
            let id = Uuid::from_u128(task);
            for round in 0..ROUNDS {
                edge.join_room("general", id).await.expect("a place");
                match (round + task as usize) % 3 {
                    0 => edge.leave_room("general", id).await.expect("a member"),
                    1 => edge.cleanup_client(id).await.expect("known"),
                    // Two at once, which may complete each other's work.
                    _ => {
                        let both = (edge.cleanup_client(id), edge.cleanup_client(id));
                        let (one, other) = tokio::join!(both.0, both.1);
                        one.and(other).expect("known");
                    }
                }
            }
            // Half of them stay.
            if task % 2 == 0 {
                edge.join_room("general", id).await.expect("a place");
            }
        });
    }
    let address = server.address;
    tasks.spawn(async move {
        for _ in 0..ROUNDS / 20 {
            let mut client = Client::connect(address, "/ws").await;
            client.subscribe("news").await;
            client.unsubscribe("news").await;
            client.subscribe("news").await;
            client.reset();
        }
    });
    let all = async {
        while let Some(task) = tasks.join_next().await {
            task.expect("no panic");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("all tasks end");
    let edge = &server.server;
    eventually("the sockets' end", async || edge.node().links() == 0).await;
    books.assert_in_order();
    let stayed: BTreeSet<Uuid> = (0..TASKS).step_by(2).map(Uuid::from_u128).collect();
    assert_eq!(books.members_of("room general"), stayed);
    assert_eq!(edge.room("general").unwrap().members(), stayed.len());
    assert!(books.members_of("channel news").is_empty());
    for id in stayed {
        edge.cleanup_client(id).await.unwrap();
    }
    assert!(edge.room("general").is_none());
    assert!(books.members_of("room general").is_empty());
    let ledger = books.0.lock().unwrap();
    assert_eq!(ledger.occupied, BTreeSet::new());
    assert_eq!(ledger.wrong, Vec::<String>::new());
}

/// Panics in every call, and counts those of `joined`.
#[derive(Default)]
struct Fragile(AtomicUsize);

impl Observer for Fragile {
    fn connected(&self, _: ClientRef<'_>) {
        panic!("on purpose");
    }
    fn occupied(&self, _: TopicName<'_>) {
        panic!("on purpose");
    }
    fn joined(&self, _: ClientRef<'_>, _: &str) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }
    fn left(&self, _: ClientRef<'_>, _: &str) {
        panic!("on purpose");
    }
    fn disconnected(&self, _: ClientRef<'_>) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn a_panic_in_an_observer_has_no_effect_on_clients() {
    let fragile = Arc::<Fragile>::default();
    let server = WebSocketServer::builder(config(|_| {})).observer(fragile.clone());
    let server = Arc::new(server.build().unwrap());
    let router = server.router();
    let server = TestServer::start_behind(server, router).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    second.leave("general").await;
    assert_eq!(first.next_json().await["type"], "user_left");
    second.join("general", 2).await;
    first.next_text().await;
    second.close().await;
    assert_eq!(first.next_json().await["type"], "user_left");
    first.expect_silence().await;
    let metrics = server.server.node().metrics();
    // Connected 2, occupied 1, joined 3, left 2, disconnected 1.
    eventually("nine panics", async || {
        metrics.observer_panics_total.get() == 9
    })
    .await;
    assert_eq!(metrics.panics_total.get(), 0);
    assert_eq!(fragile.0.load(Ordering::SeqCst), 3);
}
