//! Publishers and commands whose shard has a full mailbox.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::http::{ServeOptions, serve};
use wavecast::hub::Client as Member;
use wavecast::protocol::{ChannelName, ErrorCode, Json, RoomName, TopicKind};
use wavecast::{
    BroadcastError, JoinRoomError, LeaveRoomError, ServerMessage, WebSocketServer, transport,
};

use crate::support::{
    Client, EventLines, InTime as _, Response, config, eventually, request, upgrade_request,
};

const TIMEOUT: Duration = Duration::from_millis(100);

/// A server with one subscriber of `news`, whose shard is on a runtime that runs only when it
/// is told to.
struct PausedServer {
    shard: Runtime,
    running: Runtime,
    server: Arc<WebSocketServer>,
    /// Is in `lobby` and subscribed to `news`, and has no connection.
    member: Arc<Member>,
    address: SocketAddr,
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

impl PausedServer {
    fn start() -> Self {
        Self::start_with_timeout(TIMEOUT)
    }

    fn start_with_timeout(timeout: Duration) -> Self {
        let (shard, running) = (runtime(), runtime());
        let (server, member) = shard.block_on(async {
            let server = WebSocketServer::new(config(|config| {
                config.engine.shards = 1;
                config.engine.mailbox_capacity = 2;
                config.publish.timeout = timeout;
                config.limits.policy_timeout = timeout;
                config.trust_user_parameter = true;
            }));
            let member = Uuid::now_v7();
            let joined = server.join_room("lobby", member).in_time().await;
            joined.expect("join");
            let node = server.node();
            let client = node.hub().client(member).expect("a client");
            let channel = wavecast::protocol::ChannelName::new("news").expect("a name");
            let subscribed = node
                .subscribe(&client, &channel, (None, None), None)
                .in_time()
                .await;
            subscribed.expect("subscribe");
            node.hub().probe().in_time().await.expect("a shard");
            let client = client.clone();
            (Arc::new(server), client)
        });
        let address = running.block_on(async {
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
            address
        });
        Self {
            shard,
            running,
            server,
            member,
            address,
        }
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        let answer = request(self.address, "POST", path, Some(body));
        self.running.block_on(answer)
    }

    /// Runs the shard until its mailbox is empty.
    fn run_shard(self) -> Self {
        let (shard, server) = (self.shard, self.server.clone());
        let thread = std::thread::spawn(move || {
            shard.block_on(async {
                let probed = server.node().probe().in_time();
                probed.await.expect("a shard");
            });
            shard
        });
        let shard = thread.join().expect("the shard answers");
        Self { shard, ..self }
    }
}

#[test]
fn a_publisher_that_finds_a_full_mailbox_waits_and_then_gets_503() {
    let server = PausedServer::start();
    let event = json!({"channel": "news", "data": {"message": "hello"}});
    for expected in [200, 200, 503] {
        let began = Instant::now();
        let answer = server.post("/api/events", &event);
        assert_eq!(answer.status, expected, "{}", answer.body);
        if expected == 503 {
            answer.expect_problem(503, "overloaded");
            assert!(answer.header("retry-after").is_some());
            assert!(began.elapsed() >= TIMEOUT, "the publisher waits first");
        }
    }
    let server = server.run_shard();
    let answer = server.post("/api/events", &event);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_batch_that_finds_a_full_mailbox_says_what_became_of_each_event() {
    let server = PausedServer::start();
    let events: Vec<Value> = (0..100)
        .map(|id| json!({"channel": "news", "id": id.to_string(), "data": id}))
        .collect();
    let batch = json!({ "events": events });
    let began = Instant::now();
    let answer = server.post("/api/events/batch", &batch);
    let took = began.elapsed();
    assert!(TIMEOUT <= took && took < 90 * TIMEOUT, "one wait: {took:?}");
    let detail = answer.expect_problem(503, "overloaded");
    assert_eq!(
        detail,
        "events[2]: the shards' mailboxes are full; try again"
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    let problem = answer.json();
    let items = problem["events"].as_array().expect("what became of each");
    assert_eq!(items.len(), 100);
    for (id, item) in items.iter().take(2).enumerate() {
        assert_eq!(item["id"], id.to_string(), "{item}");
        assert_eq!(item["subscribers"], 1, "{item}");
        assert!(item["timestamp"].is_string(), "{item}");
    }
    let full = "the shards' mailboxes are full; try again";
    let not_tried = "not tried, since an event before it was not published";
    assert_eq!(
        items[2],
        json!({"error": {"code": "overloaded", "detail": full}})
    );
    for item in &items[3..] {
        assert_eq!(
            *item,
            json!({"error": {"code": "overloaded", "detail": not_tried}})
        );
    }
    // What is sent again completes it, in order and once.
    let server = server.run_shard();
    let rest = json!({"events": events[..4]});
    let answer = server.post("/api/events/batch", &rest);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let published = answer.json()["events"].as_array().expect("events").len();
    assert_eq!(published, 4);
}

#[test]
fn the_events_of_a_batch_share_one_deadline() {
    let server = PausedServer::start();
    let event = json!({"channel": "news", "data": 1});
    let batch = json!({ "events": vec![event; 40] });
    // The shard takes two entries now and then: no event alone waits for too long.
    let node = server.server.node().clone();
    let shard = server.shard;
    let pacing = std::thread::spawn(move || {
        // Not the runtime of the shard, which would run meanwhile.
        let pause = runtime();
        for _ in 0..30 {
            pause.block_on(async { sleep(TIMEOUT / 2).await });
            shard.block_on(node.probe().in_time()).expect("a shard");
        }
        shard
    });
    let answer = server.running.block_on(request(
        server.address,
        "POST",
        "/api/events/batch",
        Some(&batch),
    ));
    answer.expect_problem(503, "overloaded");
    let problem = answer.json();
    let items = problem["events"].as_array().expect("what became of each");
    let published = items.iter().filter(|item| item["error"].is_null()).count();
    assert!((2..40).contains(&published), "{published}");
    assert!(items[..published].iter().all(|item| item["id"].is_string()));
    drop(pacing.join().expect("the shard answers"));
}

/// Fills the shard's mailbox.
fn fill(server: &PausedServer) {
    let event = json!({"channel": "news", "data": {"message": "hello"}});
    for _ in 0..2 {
        let answer = server.post("/api/events", &event);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn a_command_that_finds_a_full_mailbox_is_refused_in_time_and_changes_nothing() {
    let server = PausedServer::start();
    fill(&server);
    let (lobby, other) = (RoomName::new("lobby"), RoomName::new("other"));
    let (lobby, other) = (lobby.expect("a name"), other.expect("a name"));
    let channel = |name| ChannelName::new(name).expect("a name");
    let member = server.member.clone();
    server.running.block_on(async {
        let (edge, node) = (&server.server, server.server.node());
        let content = Json::from("hello");
        let began = Instant::now();
        let refusals = [
            node.join(&member, &other, None, None).in_time().await.err(),
            node.leave(&member, &lobby, None).in_time().await.err(),
            node.say(&member, &lobby, &content, None)
                .in_time()
                .await
                .err(),
            node.subscribe(&member, &channel("more"), (None, None), None)
                .in_time()
                .await
                .err(),
            node.unsubscribe(&member, &channel("news"), None)
                .in_time()
                .await
                .err(),
        ];
        assert!(began.elapsed() >= 5 * TIMEOUT, "each waits first");
        for refusal in refusals {
            assert_eq!(refusal.expect("a refusal").code, ErrorCode::Overloaded);
        }
        let (id, message) = (member.id(), ServerMessage::Pong);
        assert_eq!(
            edge.join_room("other", id).in_time().await,
            Err(JoinRoomError::Overloaded)
        );
        assert_eq!(
            edge.leave_room("lobby", id).in_time().await,
            Err(LeaveRoomError::Overloaded)
        );
        assert_eq!(
            edge.broadcast_to_room("lobby", message, None)
                .in_time()
                .await,
            Err(BroadcastError::Overloaded)
        );
    });
    let server = server.run_shard();
    let node = server.server.node();
    let names = || {
        let mut names: Vec<String> = member
            .topics()
            .iter()
            .map(|t| t.name().to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["lobby", "news"], "nothing is half done");
    assert!(node.topic(TopicKind::Room, "other").is_none());
    assert!(node.topic(TopicKind::Channel, "more").is_none());
    server.running.block_on(async {
        let joined = node.join(&member, &other, None, None).in_time().await;
        assert_eq!(joined, Ok(1));
    });
    assert_eq!(names(), ["lobby", "news", "other"]);
}

#[test]
fn a_client_whose_shard_is_behind_gets_the_refusal_in_order() {
    let server = PausedServer::start();
    fill(&server);
    let node = server.server.node().clone();
    let mut client = server.running.block_on(async {
        let mut client = Client::connect_with_small_buffer(server.address).await;
        client
            .send_text(r#"{"type":"join","room":"lobby","id":1}"#)
            .await;
        client.send_text(r#"{"type":"ping","id":2}"#).await;
        eventually("the refusal", async || node.hub().reply_bytes() > 0).await;
        client
    });
    let (shard, stop) = (server.shard, CancellationToken::new());
    let stopped = stop.clone();
    let running_shard = std::thread::spawn(move || shard.block_on(stopped.cancelled()));
    server.running.block_on(async {
        client
            .expect_text(
                r#"{"type":"error","code":"overloaded","message":"Server is overloaded","room":"lobby","id":1}"#,
            )
            .await;
        client.expect_text(r#"{"type":"pong","id":2}"#).await;
    });
    stop.cancel();
    running_shard.join().expect("the shard's thread");
}

#[test]
fn a_user_who_cannot_be_subscribed_to_its_own_channel_is_not_left_half_connected() {
    let server = PausedServer::start();
    fill(&server);
    let node = server.server.node().clone();
    let mut client = server.running.block_on(async {
        let mut client = Client::dial(server.address).await;
        client
            .send(upgrade_request("/ws?user=ann").as_bytes())
            .await;
        client.expect_upgrade().await;
        eventually("the end of the connection", async || {
            node.metrics().connections_total.get() == 1 && node.links() == 0
        })
        .await;
        assert_eq!(client.expect_close(1013).await, "overloaded");
        client
    });
    assert_eq!(node.connection_count(), 0);
    assert!(node.topic(TopicKind::Channel, "$user:ann").is_none());
    // The shard drops the socket.
    let server = server.run_shard();
    server.running.block_on(client.expect_gone());
}

#[test]
fn a_line_that_finds_a_full_mailbox_waits_and_is_refused_and_the_stream_goes_on() {
    let server = PausedServer::start();
    let mut stream = server.running.block_on(async {
        let mut stream = EventLines::open(server.address, "").await;
        let news = json!({"channel": "news", "data": 1});
        let other = json!({"channel": "nobody", "data": 1});
        stream
            .send(format!("{news}\n{news}\n{news}\n{other}\n"))
            .await;
        let began = Instant::now();
        stream.expect_published(1).await;
        stream.expect_published(1).await;
        stream.expect_refused(3, "overloaded").await;
        assert!(began.elapsed() >= TIMEOUT, "the publication waits first");
        stream.expect_published(0).await;
        stream
    });
    let server = server.run_shard();
    server.running.block_on(async {
        let news = json!({"channel": "news", "data": 2});
        stream.send_event(&news).await;
        stream.expect_published(1).await;
        stream.finish().await;
        stream.expect_end().await;
    });
}

#[test]
fn the_lines_before_one_that_waits_are_answered_meanwhile() {
    let server = PausedServer::start_with_timeout(Duration::from_secs(60));
    let mut stream = server.running.block_on(async {
        let mut stream = EventLines::open(server.address, "").await;
        let news = json!({"channel": "news", "data": 1});
        stream.send(format!("{news}\n").repeat(3)).await;
        stream.expect_published(1).await;
        stream.expect_published(1).await;
        stream
    });
    let server = server.run_shard();
    server.running.block_on(stream.expect_published(1));
}
