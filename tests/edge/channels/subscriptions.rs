//! Channels: one-way; clients subscribe, backends publish over HTTP.

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Client, TestServer, eventually, roomy};

#[tokio::test]
async fn a_connection_is_accepted_and_subscribes() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"notifications"}"#,
            r#"{"type":"subscribed","channel":"notifications"}"#,
        )
        .await;
    client.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_at_once_all_get_the_event() {
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
    let mut clients = connecting.join_all().await;
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
async fn subscribe_and_unsubscribe() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    assert_eq!(server.publish("news", "nobody hears this").await, 0);
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "one").await, 1);
    client.expect_event("news", "one").await;
    client
        .ask(
            r#"{"type":"unsubscribe","channel":"news"}"#,
            r#"{"type":"unsubscribed","channel":"news"}"#,
        )
        .await;
    assert_eq!(server.publish("news", "two").await, 0);
    client.expect_silence().await;
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "three").await, 1);
    client.expect_event("news", "three").await;
}

#[tokio::test]
async fn subscribing_twice_is_one_subscription() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "once").await, 1);
    client.expect_event("news", "once").await;
    client.expect_silence().await;
    client.unsubscribe("news").await;
    assert_eq!(server.publish("news", "gone").await, 0);
    client.expect_silence().await;
}

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

#[tokio::test]
async fn channels_and_rooms_of_one_name_have_nothing_in_common() {
    let server = TestServer::start_default().await;
    let (mut subscriber, mut member) = (server.connect().await, server.connect().await);
    subscriber.subscribe("lobby").await;
    member.join("lobby", 1).await;
    assert_eq!(server.publish("lobby", "an event").await, 1);
    subscriber.expect_event("lobby", "an event").await;
    member.say("lobby", "a message").await;
    member.expect_silence().await;
    subscriber.expect_silence().await;
    // A subscriber is no member, so it cannot talk there either.
    subscriber
        .ask(
            r#"{"type":"message","room":"lobby","content":"hello?"}"#,
            r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"lobby"}"#,
        )
        .await;
}

#[tokio::test]
async fn a_subscriber_that_disconnects_is_cleaned_up() {
    let server = TestServer::start_default().await;
    let (mut staying, mut closing, mut vanishing) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut staying, &mut closing, &mut vanishing] {
        client.subscribe("news").await;
        client.subscribe("sport").await;
    }
    closing.close().await;
    vanishing.reset();
    eventually("both to be gone", async || {
        let stats = server.get("/api/stats").await;
        stats["active_connections"] == 1 && stats["channels"] == json!({"news": 1, "sport": 1})
    })
    .await;
    assert_eq!(server.publish("news", "still here").await, 1);
    staying.expect_event("news", "still here").await;
    // The last one takes the channel with it.
    staying.close().await;
    eventually("no channel", async || {
        server.get("/api/channels").await == json!({"channels": [], "total": 0, "next": null})
    })
    .await;
}

#[tokio::test]
async fn statistics_are_exact_at_rest() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(7).await;
    for client in &mut clients[..5] {
        client.subscribe("notifications").await;
    }
    for client in &mut clients[3..] {
        client.subscribe("alerts").await;
    }
    clients[0].join("general", 1).await;
    server.publish("notifications", "x").await;
    server.publish("nobody-listens", "x").await;
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["active_connections"], 7);
    assert_eq!(stats["channels"], json!({"alerts": 4, "notifications": 5}));
    assert_eq!(
        (&stats["channels_total"], &stats["rooms_total"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(stats["connections_total"], 7);
    assert_eq!(stats["broadcasts_total"], 1);
    for client in &mut clients[..5] {
        client.expect_event("notifications", "x").await;
    }
    // 9 + 1 acknowledgements, 5 events.
    assert_eq!(server.get("/api/stats").await["deliveries_total"], 15);
    clients[4].unsubscribe("alerts").await;
    let channels = &server.get("/api/stats").await["channels"];
    assert_eq!(*channels, json!({"alerts": 3, "notifications": 5}));
}

#[tokio::test]
async fn invalid_requests_get_errors() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for name in [
        "",
        &"x".repeat(201),
        "tab\there",
        "$secret",
        "$user:",
        "$ALL",
    ] {
        for kind in ["subscribe", "unsubscribe"] {
            let command = json!({"type": kind, "channel": name});
            client.send_text(&command.to_string()).await;
            let answer = json!({"type": "error", "code": "invalid_channel", "message": "Invalid channel", "channel": name});
            client.expect_json(answer).await;
        }
    }
    client
        .ask(
            r#"{"type":"unsubscribe","channel":"news","id":5}"#,
            r#"{"type":"error","code":"not_subscribed","message":"Not subscribed","channel":"news","id":5}"#,
        )
        .await;
    client
        .ask(
            r#"{"type":"subscribe"}"#,
            r#"{"type":"error","code":"missing_field","message":"Missing field","field":"channel"}"#,
        )
        .await;
    client.subscribe(&"x".repeat(200)).await;
}

#[tokio::test]
async fn each_of_ten_thousand_deliveries_arrives() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(20).await;
    for client in &mut clients {
        client.subscribe("ticks").await;
    }
    // One at a time, so that none shares a write with another.
    for tick in 0..500 {
        let published = server.server.publish("ticks", &tick).await.unwrap();
        assert_eq!(published.subscribers, 20);
        for client in &mut clients {
            assert_eq!(client.next_event("ticks").await["value"], tick);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_published_is_lost_and_all_subscribers_see_one_order() {
    const PUBLISHERS: usize = 3;
    const BATCHES: usize = 10;

    let server = std::sync::Arc::new(TestServer::start(roomy()).await);
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
    publishing.join_all().await;
    let orders = listening.join_all().await;
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
        assert!(own.eq(range.clone()), "a publisher's order is kept");
    }
}
