//! Publishers whose shard has a full mailbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::http::{ServeOptions, serve};
use wavecast::{WebSocketServer, transport};

use crate::support::{InTime as _, config, request};

#[test]
fn a_publisher_that_finds_a_full_mailbox_waits_and_then_gets_503() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    // The shard is on a runtime that does not run until the mailbox is full.
    let (paused, running) = (runtime(), runtime());
    let server = paused.block_on(async {
        let server = WebSocketServer::new(config(|config| {
            config.engine.shards = 1;
            config.engine.mailbox_capacity = 2;
            config.publish.timeout = Duration::from_millis(100);
        }));
        let member = Uuid::now_v7();
        let joined = server.join_room("lobby", member).in_time().await;
        joined.expect("join");
        let node = server.node();
        let client = node.hub().client(member).expect("a client");
        let channel = wavecast::protocol::ChannelName::new("news").expect("a name");
        let subscribed = node
            .subscribe(&client, &channel, None, None)
            .in_time()
            .await;
        subscribed.expect("subscribe");
        node.hub().probe().in_time().await.expect("a shard");
        Arc::new(server)
    });
    let event = json!({"channel": "news", "data": {"message": "hello"}});
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
        for expected in [200, 200, 503] {
            let began = Instant::now();
            let answer = request(address, "POST", "/api/events", Some(&event)).await;
            assert_eq!(answer.status, expected, "{}", answer.body);
            if expected == 503 {
                answer.expect_problem(503, "overloaded");
                assert!(answer.header("retry-after").is_some());
                assert!(
                    began.elapsed() >= Duration::from_millis(100),
                    "the publisher waits first"
                );
            }
        }
        address
    });
    let thread = std::thread::spawn(move || {
        paused.block_on(async {
            let probed = server.node().probe().in_time();
            probed.await.expect("a shard");
        });
        paused
    });
    let _paused_again = thread.join().expect("the shard answers");
    running.block_on(async {
        let answer = request(address, "POST", "/api/events", Some(&event)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    });
}
