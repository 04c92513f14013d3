//! The bound of all histories together.

use serde_json::json;
use wavecast::WebSocketConfig;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::support::{TestServer, eventually, with_history};

/// The configuration of a server whose histories together have this many bytes.
fn small_budget(max_bytes: usize) -> WebSocketConfig {
    let mut config = with_history(1000);
    config.max_message_size = 4 * 1024;
    config.history.total = max_bytes;
    config.topics = TopicRules::all(TopicOptions {
        history: Some(HistoryLimits {
            max_messages: 1000,
            ..HistoryLimits::default()
        }),
        ..TopicOptions::default()
    });
    config
}

#[tokio::test]
async fn one_busy_channel_stays_within_the_total_bound() {
    const BOUND: usize = 64 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let data = json!({"padding": "x".repeat(500)});
    for _ in 0..300 {
        server.publish_data("busy", &data).await;
        let used = server.server.node().history_bytes();
        assert!(used <= BOUND, "{used}");
    }
}

#[tokio::test]
async fn all_histories_stay_within_the_total_bound_and_the_oldest_messages_are_dropped_first() {
    const BOUND: u64 = 512 * 1024;
    let server = TestServer::start(small_budget(BOUND as usize)).await;
    let padding = "x".repeat(500);
    for number in 0..2_000 {
        let data = json!({"padding": padding});
        let channel = format!("c{}", number % 100);
        server.publish_data(&channel, &data).await;
        let used = server.server.node().history_bytes() as u64;
        // A new topic may exceed the bound until the sweeper has run.
        assert!(used <= BOUND + 64 * 1024, "{used} after {number}");
    }
    eventually("histories within their bound", async || {
        (server.server.node().history_bytes() as u64) < BOUND
    })
    .await;
    let newest = server.get("/api/channels/c99/history").await;
    assert_ne!(newest["items"], json!([]), "the newest publication is kept");
    let used = server.get("/api/stats").await["history_bytes"]
        .as_u64()
        .unwrap();
    assert!(used > BOUND / 2, "{used} of {BOUND} are used");
}

/// A client that floods rooms once emptied the history of every channel.
#[tokio::test]
async fn what_clients_say_cannot_push_out_what_backends_publish() {
    const BOUND: usize = 512 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let data = json!({"padding": "x".repeat(500)});
    for _ in 0..200 {
        server.publish_data("news", &data).await;
    }
    let mut client = server.connect().await;
    for number in 0..100 {
        let room = format!("r{}", number % 20);
        client.join(&room, 1).await;
        for _ in 0..4 {
            client.say(&room, &"x".repeat(3_000)).await;
        }
        client.leave(&room).await;
    }
    eventually("histories within their bound", async || {
        server.server.node().history_bytes() <= BOUND
    })
    .await;
    let news = server.get("/api/channels/news/history?limit=1000").await;
    assert_eq!(news["items"].as_array().map(Vec::len), Some(200));
}

#[tokio::test]
async fn busy_rooms_do_not_push_out_the_history_of_a_quiet_one() {
    const BOUND: usize = 256 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let mut client = server.connect().await;
    client.join("quiet", 1).await;
    for _ in 0..3 {
        client.say("quiet", "hello").await;
    }
    for number in 0..200 {
        let room = format!("r{}", number % 10);
        client.join(&room, 1).await;
        for _ in 0..4 {
            client.say(&room, &"x".repeat(3_000)).await;
        }
        client.leave(&room).await;
    }
    eventually("histories within their bound", async || {
        server.server.node().history_bytes() <= BOUND / 4
    })
    .await;
    let history = json!({"type": "history", "room": "quiet", "limit": 10});
    client.send_text(&history.to_string()).await;
    let quiet = client.next_json().await;
    assert_eq!(quiet["items"].as_array().map(Vec::len), Some(3), "{quiet}");
}

/// A client that wanders through rooms once emptied the history of all others, since each of its
/// rooms was small, and its older positions outlived theirs.
#[tokio::test]
async fn one_client_with_thousands_of_rooms_takes_nothing_from_others() {
    const BOUND: usize = 1024 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let fresh = server.get("/api/channels/fresh/history").await;
    let mut client = server.connect().await;
    client.join("quiet", 1).await;
    for number in 0..20 {
        client.say("quiet", &format!("message {number}")).await;
    }
    client.expect_silence().await;
    client.close().await;
    let before = server.get("/api/rooms/quiet/history").await;
    assert_eq!(before["items"].as_array().map(Vec::len), Some(20));
    let mut wanderer = server.connect().await;
    for number in 0..2_000 {
        let room = format!("r{number}");
        wanderer.join(&room, 1).await;
        wanderer.say(&room, "a").await;
        wanderer.leave(&room).await;
    }
    eventually("histories within their bound", async || {
        server.server.node().history_bytes() <= BOUND / 4
    })
    .await;
    let after = server.get("/api/rooms/quiet/history").await;
    assert_eq!(after, before);
    // Forgotten rooms do not change the epoch of a channel that is not used yet.
    assert_eq!(server.get("/api/channels/fresh/history").await, fresh);
}

/// Subscribing to names that nobody publishes to once used up the history of others.
#[tokio::test]
async fn subscriptions_use_no_history() {
    let server = TestServer::start(small_budget(256 * 1024)).await;
    let mut client = server.connect().await;
    for number in 0..500 {
        client.subscribe(&format!("random-{number}")).await;
    }
    assert_eq!(server.server.node().history_bytes(), 0);
}

#[tokio::test]
async fn very_many_channel_names_do_not_use_more_memory() {
    const BOUND: usize = 256 * 1024;
    let server = TestServer::start(small_budget(BOUND)).await;
    let mut client = server.connect().await;
    for number in 0..2_000 {
        let channel = format!("random-{number}");
        client.subscribe(&channel).await;
        client.unsubscribe(&channel).await;
    }
    let hub = server.server.node();
    assert_eq!(hub.history_bytes(), 0, "nothing was published");
    for number in 0..5_000 {
        let channel = format!("random-{number}");
        server.publish_data(&channel, &json!({})).await;
    }
    eventually("histories within their bound", async || {
        hub.history_bytes() < BOUND
    })
    .await;
}
