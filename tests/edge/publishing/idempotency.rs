//! Publications with an idempotency key: a retry does not publish a second event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::support::{Client, TestServer, config, eventually, join_all, large_outboxes};

/// Publishes over HTTP and returns the answer.
async fn publish(server: &TestServer, event: &Value) -> Value {
    let response = server.post("/api/events", event).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()
}

#[tokio::test]
async fn a_retry_is_not_delivered_and_gets_the_first_answer() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut client = server.connect_as("ada").await;
    client.subscribe("orders").await;
    client.subscribe("audit").await;
    let targets = [
        json!({"channel": "orders"}),
        json!({"channel": "audit"}),
        json!({"user": "ada"}),
        json!({"broadcast": true}),
    ];
    for target in targets {
        // The same id is used for all; in another channel it is another event.
        let mut event = target.clone();
        event["id"] = json!("order-17");
        event["data"] = json!({"total": 9.5});
        let first = publish(&server, &event).await;
        assert_eq!(
            (&first["id"], &first["subscribers"]),
            (&json!("order-17"), &json!(1))
        );
        let received = client.next_json().await;
        assert_eq!(received["data"]["timestamp"], first["timestamp"]);
        // Neither new subscribers nor other data change the answer to a retry.
        let mut late = server.connect_as("ada").await;
        late.subscribe("orders").await;
        event["data"] = json!("something else");
        assert_eq!(publish(&server, &event).await, first);
        late.expect_silence().await;
        client.expect_silence().await;
        late.close().await;
        let stats = async || server.get("/api/stats").await["active_connections"] == 1;
        eventually("the end of the connection", stats).await;
    }
}

#[tokio::test]
async fn without_a_key_or_a_window_every_publication_is_an_event() {
    for (window, id) in [(300, None), (0, Some("same"))] {
        let window = Duration::from_secs(window);
        let server = TestServer::start(config(|config| config.publish.window = window)).await;
        let mut client = server.connect().await;
        client.subscribe("a").await;
        let mut event = json!({"channel": "a", "data": 1});
        if let Some(id) = id {
            event["id"] = json!(id);
        }
        for _ in 0..3 {
            let accepted = publish(&server, &event).await;
            assert_eq!(client.next_json().await["data"]["id"], accepted["id"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_simultaneous_publications_one_is_delivered_and_all_get_its_answer() {
    let server = Arc::new(TestServer::start(large_outboxes()).await);
    let mut clients = server.connect_many(3).await;
    for client in &mut clients {
        client.subscribe("a").await;
        client.subscribe("b").await;
    }
    for round in 0..10 {
        let mut publishing = JoinSet::new();
        for publisher in 0..20 {
            let server = server.clone();
            // Publications with different orders of channels wait for each other, but never form
            // a deadlock.
            let channels = if publisher % 2 == 0 {
                ["a", "b"]
            } else {
                ["b", "a"]
            };
            let event = json!({"channels": channels, "id": format!("{round}"), "data": publisher});
            publishing.spawn(async move { publish(&server, &event).await });
        }
        for answer in join_all("the answers", publishing).await {
            assert_eq!(answer["subscribers"], 6, "{answer}");
        }
        for client in &mut clients {
            let mut received = [client.next_json().await, client.next_json().await];
            received.sort_by_key(|event| event["channel"].to_string());
            for (event, channel) in received.iter().zip(["a", "b"]) {
                assert_eq!(event["channel"], channel);
                assert_eq!(event["data"]["id"], round.to_string());
            }
            client.expect_silence().await;
        }
    }
    // With the same order of channels, they are one event in all of them.
    for round in 10..20 {
        let mut publishing = JoinSet::new();
        for publisher in 0..20 {
            let server = server.clone();
            let event =
                json!({"channels": ["a", "b"], "id": format!("{round}"), "data": publisher});
            publishing.spawn(async move { publish(&server, &event).await });
        }
        let answers = join_all("the answers", publishing).await;
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        for client in &mut clients {
            for channel in ["a", "b"] {
                let event = client.next_json().await;
                assert_eq!(event["channel"], channel);
                assert_eq!(event["data"]["timestamp"], answers[0]["timestamp"]);
            }
            client.expect_silence().await;
        }
    }
}

#[tokio::test]
async fn after_the_window_the_key_is_new() {
    let window = Duration::from_millis(50);
    let server = TestServer::start(config(|config| config.publish.window = window)).await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = json!({"channel": "a", "id": "i", "data": 1});
    let first = publish(&server, &event).await;
    eventually("the end of the window", async || {
        publish(&server, &event).await["timestamp"] != first["timestamp"]
    })
    .await;
    let received = [client.next_json().await, client.next_json().await];
    assert_eq!(received[0]["data"]["timestamp"], first["timestamp"]);
    assert_ne!(received[1]["data"]["timestamp"], first["timestamp"]);
}

#[tokio::test]
async fn of_too_many_keys_the_oldest_are_forgotten() {
    let server = TestServer::start(config(|config| config.publish.ids = 20)).await;
    let mut client = server.connect().await;
    let events = (0..1000).map(|at| json!({"channel": "a", "id": at.to_string(), "data": at}));
    let batch = json!({"events": events.collect::<Vec<_>>()});
    let answer = server.post("/api/events/batch", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    client.subscribe("a").await;
    for (id, subscribers) in [("999", 0), ("990", 0), ("300", 1), ("500", 1)] {
        let event = json!({"channel": "a", "id": id, "data": "again"});
        assert_eq!(
            publish(&server, &event).await["subscribers"],
            subscribers,
            "{id}"
        );
    }
    for id in ["300", "500"] {
        assert_eq!(client.next_json().await["data"]["id"], id);
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_retry_completes_a_batch() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = |id: &str| json!({"channel": "a", "id": id, "data": 1});
    let part = json!({"events": [event("1"), event("2"), event("1")]});
    let first = server.post("/api/events/batch", &part).await.json();
    assert_eq!(first["events"][0], first["events"][2]);
    let whole = json!({"events": [event("1"), event("2"), event("3"), event("2")]});
    let second = server.post("/api/events/batch", &whole).await.json();
    for at in 0..2 {
        assert_eq!(second["events"][at], first["events"][at]);
    }
    assert_eq!(second["events"][3], second["events"][1]);
    for id in ["1", "2", "3"] {
        assert_eq!(client.next_json().await["data"]["id"], id);
    }
    client.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_that_disconnect_at_any_moment_and_retry_publish_once() {
    const EVENTS: u64 = 200;

    let server = TestServer::start(large_outboxes()).await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    for at in 0..EVENTS {
        let event = json!({"channels": ["a", "b"], "id": at.to_string(), "data": at});
        let body = event.to_string();
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut publisher = Client::dial(server.address).await;
        publisher.send(request.as_bytes()).await;
        tokio::time::sleep(Duration::from_micros(at * 5)).await;
        publisher.reset();
        assert_eq!(publish(&server, &event).await["subscribers"], 1);
    }
    let mut received = HashMap::new();
    for _ in 0..EVENTS {
        let id = client.next_json().await["data"]["id"].to_string();
        *received.entry(id).or_insert(0) += 1;
    }
    assert!(received.values().all(|&times| times == 1), "{received:?}");
    client.expect_silence().await;
}

#[tokio::test]
async fn a_retry_is_not_added_to_the_history() {
    let history = TopicOptions {
        history: Some(HistoryLimits::default()),
        ..TopicOptions::default()
    };
    let rules = TopicRules::all(history);
    let server = TestServer::start(config(|config| config.topics = rules)).await;
    let event = json!({"channel": "a", "id": "i", "data": 1});
    let first = publish(&server, &event).await;
    assert_eq!(publish(&server, &event).await, first);
    let mut client = server.connect().await;
    client
        .send_text(r#"{"type":"subscribe","channel":"a","last":10}"#)
        .await;
    let subscribed = client.next_json().await;
    assert_eq!(
        (&subscribed["offset"], &subscribed["replayed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        client.next_json().await["data"]["timestamp"],
        first["timestamp"]
    );
    client.expect_silence().await;
}
