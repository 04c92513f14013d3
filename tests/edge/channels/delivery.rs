//! Events arrive at every subscriber, in one order.

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Client, TestServer, join_all, large_outboxes, within_a_minute};

#[tokio::test]
async fn an_event_has_exactly_its_documented_shape() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("notifications").await;
    let event = json!({"channel": "notifications", "data": {"message": "New notification"}});
    let accepted = server.post("/api/events", &event).await.json();
    let (id, timestamp) = (
        accepted["id"].as_str().unwrap(),
        accepted["timestamp"].as_str().unwrap(),
    );
    client
        .expect_text(&format!(
            r#"{{"type":"event","channel":"notifications","data":{{"id":"{id}","timestamp":"{timestamp}","message":"New notification"}}}}"#
        ))
        .await;
}

#[tokio::test]
async fn events_reach_all_subscribers_and_only_them() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(10).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client
            .subscribe(if index % 2 == 0 { "even" } else { "odd" })
            .await;
        if index == 0 {
            client.subscribe("odd").await;
        }
    }
    assert_eq!(server.publish("even", "2").await, 5);
    assert_eq!(server.publish("odd", "1").await, 6);
    for (index, client) in clients.iter_mut().enumerate() {
        if index % 2 == 0 {
            client.expect_event("even", "2").await;
        }
        if index % 2 == 1 || index == 0 {
            client.expect_event("odd", "1").await;
        }
        client.expect_silence().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_simultaneous_connections_all_receive_the_event() {
    let server = TestServer::start_default().await;
    let mut connecting = JoinSet::new();
    for _ in 0..200 {
        let address = server.address;
        connecting.spawn(async move {
            let mut client = Client::connect(address, "/ws").await;
            client.subscribe("notifications").await;
            client
        });
    }
    let mut clients = join_all("200 connections", connecting).await;
    assert_eq!(server.get("/api/stats").await["active_connections"], 200);
    assert_eq!(server.publish("notifications", "to all").await, 200);
    for client in &mut clients {
        client.expect_event("notifications", "to all").await;
    }
    for client in &mut clients {
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn each_of_ten_thousand_single_deliveries_arrives() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(20).await;
    for client in &mut clients {
        client.subscribe("ticks").await;
    }
    // One at a time, so that each is a write of its own.
    within_a_minute("10,000 deliveries", async {
        for tick in 0..500 {
            let published = server.publish_data("ticks", &tick).await;
            assert_eq!(published.subscribers, 20);
            for client in &mut clients {
                assert_eq!(client.next_event("ticks").await["value"], tick);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_and_all_subscribers_see_one_order() {
    const PUBLISHERS: usize = 3;
    const BATCHES: usize = 10;

    let server = std::sync::Arc::new(TestServer::start(large_outboxes()).await);
    let mut listening = JoinSet::new();
    for mut client in server.connect_many(8).await {
        client.subscribe("orders").await;
        listening.spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < PUBLISHERS * BATCHES * 100 {
                seen.push(client.next_event("orders").await["value"].as_u64().unwrap());
            }
            client.expect_silence().await;
            seen
        });
    }
    let mut publishing = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let server = server.clone();
        publishing.spawn(async move {
            for batch in 0..BATCHES {
                let first = publisher * BATCHES * 100 + batch * 100;
                let events =
                    (first..first + 100).map(|value| json!({"channel": "orders", "data": value}));
                let body = json!({"events": events.collect::<Vec<_>>()});
                let response = server.post("/api/events/batch", &body).await;
                assert_eq!(response.status, 200, "{}", response.body);
            }
        });
    }
    join_all("the publishers", publishing).await;
    let orders = join_all("the subscribers", listening).await;
    assert!(
        orders.iter().all(|order| *order == orders[0]),
        "two subscribers saw different orders"
    );
    for publisher in 0..PUBLISHERS as u64 {
        let range = publisher * BATCHES as u64 * 100..(publisher + 1) * BATCHES as u64 * 100;
        let own = orders[0]
            .iter()
            .copied()
            .filter(|value| range.contains(value));
        assert!(own.eq(range.clone()), "the order of each publisher is kept");
    }
}
