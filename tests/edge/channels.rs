//! Channels: one-way; clients subscribe, backends publish over HTTP.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, TestServer, config, eventually, upgrade_request};

/// Expects an event and returns its `data` without the `id` and `timestamp` it must have.
async fn next_event(client: &mut Client, channel: &str) -> Value {
    let mut event = client.next_json().await;
    assert_eq!(
        (&event["type"], &event["channel"]),
        (&json!("event"), &json!(channel)),
        "{event}"
    );
    let data = event["data"].as_object_mut().expect("data is an object");
    assert!(data.remove("id").is_some_and(|id| id.is_string()));
    assert!(
        data.remove("timestamp")
            .is_some_and(|time| time.is_string())
    );
    event["data"].take()
}

async fn expect_message(client: &mut Client, channel: &str, message: &str) {
    assert_eq!(
        next_event(client, channel).await,
        json!({"message": message})
    );
}

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
        expect_message(client, "notifications", "to all").await;
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
    expect_message(&mut client, "news", "one").await;
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
    expect_message(&mut client, "news", "three").await;
}

#[tokio::test]
async fn subscribing_twice_is_one_subscription() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.subscribe("news").await;
    assert_eq!(server.publish("news", "once").await, 1);
    expect_message(&mut client, "news", "once").await;
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
            expect_message(client, "even", "2").await;
        }
        if index % 2 == 1 || index == 0 {
            expect_message(client, "odd", "1").await;
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
    expect_message(&mut subscriber, "lobby", "an event").await;
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
    let (mut stays, mut closes, mut vanishes) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    for client in [&mut stays, &mut closes, &mut vanishes] {
        client.subscribe("news").await;
        client.subscribe("sport").await;
    }
    closes.close().await;
    vanishes.reset();
    eventually("both to be gone", async || {
        let stats = server.get("/api/stats").await;
        stats["active_connections"] == 1 && stats["channels"] == json!({"news": 1, "sport": 1})
    })
    .await;
    assert_eq!(server.publish("news", "still here").await, 1);
    expect_message(&mut stays, "news", "still here").await;
    // The last one takes the channel with it.
    stays.close().await;
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
        expect_message(client, "notifications", "x").await;
    }
    // 9 + 1 acknowledgements, 5 events.
    assert_eq!(server.get("/api/stats").await["deliveries_total"], 15);
    clients[4].unsubscribe("alerts").await;
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["channels"], json!({"alerts": 3, "notifications": 5}));
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
async fn announcements_reach_every_connection() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(4).await;
    clients[0].subscribe("news").await;
    // Subscribing to what one hears anyway changes nothing.
    clients[1].subscribe("$all").await;
    clients[1].subscribe("$system").await;
    let all = json!({"broadcast": true, "data": {"message": "to everybody"}});
    assert_eq!(
        server.post("/api/events", &all).await.json()["subscribers"],
        4
    );
    assert_eq!(server.publish("$all", "by name").await, 4);
    for client in &mut clients {
        expect_message(client, "$all", "to everybody").await;
        expect_message(client, "$all", "by name").await;
        client.expect_silence().await;
    }
    let stats = server.get("/api/stats").await;
    assert_eq!(
        stats["channels"],
        json!({"news": 1}),
        "the server's own are no channels to list"
    );
}

#[tokio::test]
async fn the_servers_own_channels_cannot_be_taken_or_left() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for (kind, channel) in [
        ("subscribe", "$user:alice"),
        ("unsubscribe", "$user:alice"),
        ("unsubscribe", "$all"),
        ("unsubscribe", "$system"),
    ] {
        client
            .ask(
                &format!(r#"{{"type":"{kind}","channel":"{channel}"}}"#),
                &format!(r#"{{"type":"error","code":"forbidden","message":"Forbidden","channel":"{channel}"}}"#),
            )
            .await;
    }
    let event = json!({"channel": "$system", "data": "I am the server"});
    let response = server.post("/api/events", &event).await;
    response.expect_problem(403, "forbidden");
    let event = json!({"channels": ["news", "$system"], "data": "I am the server"});
    server
        .post("/api/events", &event)
        .await
        .expect_problem(403, "forbidden");
    client.expect_silence().await;
}

#[tokio::test]
async fn a_user_hears_its_own_channel_on_all_its_connections() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut alices = [
        server.connect_as("alice").await,
        server.connect_as("alice").await,
    ];
    let mut bob = server.connect_as("bob").await;
    let mut nobody = server.connect().await;
    let event = json!({"user": "alice", "data": {"message": "for you"}});
    assert_eq!(
        server.post("/api/events", &event).await.json()["subscribers"],
        2
    );
    for alice in &mut alices {
        expect_message(alice, "$user:alice", "for you").await;
        alice.subscribe("$user:alice").await;
        alice.expect_silence().await;
    }
    bob.expect_silence().await;
    nobody.expect_silence().await;
    bob.ask(
        r#"{"type":"subscribe","channel":"$user:alice"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"$user:alice"}"#,
    )
    .await;
    assert_eq!(server.connection_of(&bob).await["user"], "bob");
    // In rooms, the user's name stands for the connection.
    bob.join("general", 1).await;
    alices[0].join("general", 2).await;
    bob.expect_text(r#"{"type":"user_joined","room":"general","user_id":"alice"}"#)
        .await;
    bob.say("general", "hi").await;
    alices[0]
        .expect_text(r#"{"type":"message","room":"general","from":"bob","content":"hi"}"#)
        .await;
    for bad in [
        "/ws?user=",
        "/ws?user=a%00b",
        &format!("/ws?user={}", "x".repeat(195)),
    ] {
        let mut client = Client::dial(server.address).await;
        client.send(upgrade_request(bad).as_bytes()).await;
        let head = crate::support::read_head(client.stream()).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    }
}

#[tokio::test]
async fn the_user_parameter_is_ignored_unless_trusted() {
    let server = TestServer::start_default().await;
    let mut client = server.connect_as("alice").await;
    assert_eq!(server.connection_of(&client).await["user"], Value::Null);
    let event = json!({"user": "alice", "data": 1});
    assert_eq!(
        server.post("/api/events", &event).await.json()["subscribers"],
        0
    );
    client.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_published_is_lost_and_all_subscribers_see_one_order() {
    const PUBLISHERS: usize = 3;
    const BATCHES: usize = 10;

    // Room enough for a reader that gets no turn for a while: nobody is to be evicted.
    let roomy = config(|config| {
        config.outbox_messages = 10_000;
        config.outbox_bytes = 8 * 1024 * 1024;
    });
    let server = std::sync::Arc::new(TestServer::start(roomy).await);
    let mut listening = JoinSet::new();
    for mut client in server.connect_many(8).await {
        client.subscribe("orders").await;
        listening.spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < PUBLISHERS * BATCHES * 100 {
                seen.push(
                    next_event(&mut client, "orders").await["value"]
                        .as_u64()
                        .unwrap(),
                );
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
