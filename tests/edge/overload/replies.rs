//! A client's own commands push back on its reading; only what others send evicts it.

use std::time::Duration;
use tokio::task::JoinSet;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::support::{Client, TestServer, config, eventually, text_frame, within, within_a_minute};

#[tokio::test]
async fn a_page_of_history_is_refused_while_the_replies_of_all_clients_fill_their_limit() {
    let edge = TestServer::start(config(|config| {
        config.outbox.replies_total = 64 * 1024;
        config.publish.timeout = Duration::from_millis(50);
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        });
    }))
    .await;
    edge.publish("news", "kept").await;
    let mut stalled = JoinSet::new();
    let mut client = Client::connect_with_small_buffer(edge.address).await;
    stalled.spawn(async move {
        for _ in 0..500 {
            client.send_unless_closed(&pings(1000)).await;
        }
    });
    let mut reader = Client::connect(edge.address, "/ws").await;
    within_a_minute("the refusal", async {
        loop {
            reader
                .send_text(r#"{"type":"history","channel":"news"}"#)
                .await;
            let answer = reader.next_json().await;
            if answer["type"] == "error" {
                assert_eq!(answer["code"], "overloaded");
                break;
            }
        }
    })
    .await;
}

/// One frame of many commands.
pub(super) fn pings(count: usize) -> Vec<u8> {
    text_frame(&format!(
        "[{}]",
        vec![r#"{"type":"ping"}"#; count].join(",")
    ))
}

#[tokio::test]
async fn a_client_that_reads_its_replies_may_send_commands_as_fast_as_it_can() {
    let edge = TestServer::start(config(|_| {})).await;
    let mut client = Client::connect(edge.address, "/ws").await;
    within_a_minute("every pong", async {
        for _ in 0..20 {
            // Far more replies than an outbox may hold messages.
            client.send(&pings(1000).repeat(5)).await;
            for _ in 0..5000 {
                client.expect_text(r#"{"type":"pong"}"#).await;
            }
        }
    })
    .await;
    let metrics = edge.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0);
}

#[tokio::test]
async fn a_client_that_reads_no_replies_is_not_read_from_and_then_reset() {
    let edge = TestServer::start(config(|config| {
        config.ping_interval = Duration::from_millis(100);
        config.connections.write_timeout = Duration::from_secs(2);
    }))
    .await;
    let mut client = Client::connect(edge.address, "/ws").await;
    let node = edge.server.node();
    let (flood, quarter) = (pings(1000), 1024 * 1024 / 4);
    let mut sending = Box::pin(async move {
        // 8 MB of pongs are more than the kernel and its outbox hold.
        for _ in 0..500 {
            client.send_unless_closed(&flood).await;
        }
    });
    let filled = eventually("a quarter of an outbox", async || {
        node.hub().reply_bytes() >= quarter
    });
    tokio::select! {
        () = &mut sending => panic!("it is still read from"),
        () = filled => {}
    }
    let waiting = node.hub().reply_bytes();
    assert!(waiting < quarter + 200, "{waiting}");

    let mut neighbour = Client::connect(edge.address, "/ws").await;
    neighbour.send_text(r#"{"type":"ping"}"#).await;
    neighbour.expect_text(r#"{"type":"pong"}"#).await;

    within("the reset", sending).await;
    eventually("the end of the connection", async || node.links() == 1).await;
    let metrics = node.metrics();
    assert_eq!(metrics.write_timeouts_total.get(), 1);
    assert_eq!(metrics.slow_consumers_total.get(), 0);
    assert_eq!(node.hub().reply_bytes(), 0, "nothing is counted any more");
}

#[tokio::test]
async fn when_the_replies_of_all_clients_fill_their_limit_others_still_get_one_at_a_time() {
    const TOTAL: usize = 64 * 1024;
    let edge = TestServer::start(config(|config| config.outbox.replies_total = TOTAL)).await;
    let node = edge.server.node();
    // More pongs than their kernels take.
    let mut stalled = JoinSet::new();
    for _ in 0..4 {
        let mut client = Client::connect_with_small_buffer(edge.address).await;
        let flood = pings(1000);
        stalled.spawn(async move {
            for _ in 0..500 {
                client.send_unless_closed(&flood).await;
            }
        });
    }
    eventually("the limit", async || node.hub().reply_bytes() >= TOTAL).await;
    let mut neighbour = Client::connect(edge.address, "/ws").await;
    for _ in 0..20 {
        neighbour.send(&pings(20)).await;
        for _ in 0..20 {
            neighbour.expect_text(r#"{"type":"pong"}"#).await;
        }
    }
    // One reply more than the limit for each client.
    let waiting = node.hub().reply_bytes();
    assert!(waiting < TOTAL + 5 * 200, "{waiting}");
    stalled.abort_all();
    eventually("the room of those that have gone", async || {
        node.hub().reply_bytes() == 0
    })
    .await;
}
