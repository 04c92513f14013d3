//! Connections about which the policy has not decided yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::duplex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wavecast::hub::ClientInfo;
use wavecast::policy::{Allowed, Connect, Decision, Identity, Policy};
use wavecast::protocol::ErrorCode;
use wavecast::transport::websocket::Stream;
use wavecast::{WebSocketConfig, WebSocketServer};

use super::shutdown::expect_notice;
use crate::support::{
    CLOSE, Client, EventSource, TestServer, config, eventually, frame, join_all, read_head,
    upgrade_request, within,
};

/// Lets a client connect when the test does.
struct Undecided {
    asked: Semaphore,
    let_in: Semaphore,
}

impl Policy for Undecided {
    fn connect<'a>(&'a self, _: Connect<'a>) -> Decision<'a, Identity> {
        self.asked.add_permits(1);
        Decision::later(async {
            self.let_in.acquire().await.expect("open").forget();
            Ok(Allowed::AsAsked)
        })
    }
}

impl Undecided {
    async fn was_asked(&self) {
        let asked = within("a question", self.asked.acquire()).await;
        asked.expect("open").forget();
    }
}

async fn start(change: impl FnOnce(&mut WebSocketConfig)) -> (TestServer, Arc<Undecided>) {
    let policy = Arc::new(Undecided {
        asked: Semaphore::new(0),
        let_in: Semaphore::new(0),
    });
    let config = config(|config| {
        config.limits.policy_timeout = Duration::from_secs(3600);
        change(config);
    });
    let server = WebSocketServer::builder(config).policy(policy.clone());
    let server = Arc::new(server.build().expect("a configuration that works"));
    let router = server.router();
    (TestServer::start_behind(server, router).await, policy)
}

async fn dial(server: &TestServer) -> Client {
    let mut client = Client::dial(server.address).await;
    client.send(upgrade_request("/ws").as_bytes()).await;
    client
}

fn drain(server: &TestServer) -> JoinSet<usize> {
    let edge = server.server.clone();
    JoinSet::from_iter([async move { edge.drain().await }])
}

#[tokio::test]
async fn a_client_that_is_let_in_during_a_drain_is_told_before_it_is_closed() {
    let (server, policy) = start(|_| {}).await;
    let mut client = dial(&server).await;
    policy.was_asked().await;
    let (near, far) = duplex(1024);
    let edge = server.server.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { edge.handle_connection(Stream::other(far)).await });
    policy.was_asked().await;
    let mut other = Client::over(near);

    // Nobody is connected, so the announcement is made at once.
    assert_eq!(join_all("the drain", drain(&server)).await, [0]);
    policy.let_in.add_permits(2);
    client.expect_upgrade().await;
    expect_notice(&mut client).await;
    assert_eq!(client.expect_close(1001).await, "shutdown");
    client.expect_end().await;
    expect_notice(&mut other).await;
    assert_eq!(other.expect_close(1001).await, "shutdown");
    drop((client, other));
    eventually("their end", async || server.links() == 0).await;
}

#[tokio::test]
async fn a_client_that_is_let_in_while_others_are_closed_is_told_once() {
    let (server, policy) = start(|config| config.drain.timeout = Duration::from_secs(5)).await;
    policy.let_in.add_permits(1);
    let mut early = dial(&server).await;
    early.expect_upgrade().await;
    policy.was_asked().await;
    eventually("its connection", async || server.links() == 1).await;
    let mut late = dial(&server).await;
    policy.was_asked().await;

    let draining = drain(&server);
    expect_notice(&mut early).await;
    policy.let_in.add_permits(1);
    late.expect_upgrade().await;
    expect_notice(&mut late).await;
    for mut client in [early, late] {
        assert_eq!(client.expect_close(1001).await, "shutdown");
        client.expect_end().await;
        client.send_unless_closed(&frame(CLOSE, b"")).await;
    }
    assert_eq!(join_all("the drain", draining).await, [0]);
}

#[tokio::test]
async fn an_event_stream_that_is_let_in_during_a_drain_is_told_before_it_ends() {
    let (server, policy) = start(|_| {}).await;
    let address = server.address;
    let mut opening = JoinSet::new();
    opening.spawn(async move { EventSource::open(address, "/sse?channel=news").await });
    policy.was_asked().await;
    assert_eq!(join_all("the drain", drain(&server)).await, [0]);
    policy.let_in.add_permits(1);
    let [mut source] = <[_; 1]>::try_from(join_all("the stream", opening).await)
        .ok()
        .unwrap();
    let notice = source.next_json().await;
    assert_eq!(notice["channel"], "$system");
    source.next_block().await;
    assert_eq!(source.expect_close(1001).await, "shutdown");
}

#[tokio::test]
async fn connections_without_a_decision_count_as_connections() {
    let (server, policy) = start(|config| config.connections.max = 3).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(dial(&server).await);
        policy.was_asked().await;
    }
    let mut refused = dial(&server).await;
    let head = read_head(refused.stream()).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let stream = server.http("GET", "/sse?channel=news", None).await;
    stream.expect_problem(503, "too_many_connections");

    // One that gives up makes room for another.
    waiting.pop();
    policy.let_in.add_permits(100);
    for client in &mut waiting {
        client.expect_upgrade().await;
    }
    eventually("room for another", async || {
        let mut third = dial(&server).await;
        let head = read_head(third.stream()).await;
        waiting.push(third);
        head.starts_with("HTTP/1.1 101 ")
    })
    .await;
}

#[tokio::test]
async fn connections_that_are_allowed_and_not_established_count_until_they_are_given_up() {
    let server = TestServer::start(config(|config| config.connections.max = 1)).await;
    let node = server.server.node();
    for _ in 0..2 {
        let admission = node.admit(ClientInfo::default(), None).await.expect("room");
        let beyond = node.admit(ClientInfo::default(), None).await;
        assert_eq!(beyond.unwrap_err().code, ErrorCode::TooManyConnections);
        drop(admission);
    }
    server.connect().await;
}
