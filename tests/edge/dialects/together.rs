//! Order, replay, gaps, overflow, eviction, heartbeat and drain hold for clients of all dialects in
//! one topic.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use wavecast::hub::{HubOptions, Overflow};
use wavecast::node::DrainOptions;

use super::mounted::{Mounted, options};
use super::terse::PING;
use crate::support::{
    Client, EventSource, TEXT, dial_with_small_buffer, eventually, join_all, upgrade_request,
};

/// Sends a command of the terse dialect.
async fn tell(client: &mut Client, command: Value) {
    client.send_text(&command.to_string()).await;
}

/// Subscribes with positions, and returns the newest one.
async fn subscribe(client: &mut Client, since: Option<(u64, &str)>) -> (u64, String) {
    let (offset, epoch) = since.unzip();
    tell(client, json!(["subscribe", "news", offset, epoch])).await;
    let answer = client.next_json().await;
    assert_eq!(
        (&answer[0], &answer[1]),
        (&json!("subscribed"), &json!("news"))
    );
    assert_eq!(answer[4], json!(since.map(|_| true)), "{answer}");
    let epoch = answer[3].as_str().unwrap().to_owned();
    (answer[2].as_u64().unwrap(), epoch)
}

/// A subscribed client whose socket the server soon finds full when it does not read.
async fn slow_client(server: &Mounted) -> Client {
    let mut terse = Client::over(dial_with_small_buffer(server.address).await);
    terse.send(upgrade_request("/terse").as_bytes()).await;
    terse.expect_upgrade().await;
    subscribe(&mut terse, None).await;
    terse
}

async fn event_stream(server: &Mounted) -> EventSource {
    let mut stream = server.event_stream("news").await;
    stream.expect_subscribed(&["news"]).await;
    stream
}

#[tokio::test]
async fn each_client_gets_every_publication_in_order_in_its_own_form() {
    let server = Mounted::start(&options(Overflow::Evict));
    let (mut native, mut terse) = (server.native().await, server.terse().await);
    let mut stream = event_stream(&server).await;
    native.subscribe("news").await;
    subscribe(&mut terse, None).await;
    // More than one run, and several in one.
    for n in 1..=100 {
        let data = format!(r#"{{ "n" : {n}, "big":18446744073709551616 }}"#);
        assert_eq!(server.publish("news", &data).await, 3);
    }
    for n in 1..=100_u64 {
        assert_eq!(native.next_event("news").await["n"], n);
        let expected =
            format!(r#"["event","news",{n},{{ "n" : {n}, "big":18446744073709551616 }}]"#);
        terse.expect_text(&expected).await;
        let event = stream.next_json().await;
        assert_eq!(
            (&event["data"]["n"], &event["offset"]),
            (&json!(n), &json!(n))
        );
    }
}

#[tokio::test]
async fn a_replay_is_in_the_form_of_the_client_and_joins_exactly() {
    let server = Mounted::start(&options(Overflow::Evict));
    let mut first = server.terse().await;
    let (offset, epoch) = subscribe(&mut first, None).await;
    assert_eq!(offset, 0);
    for n in 1..=50 {
        server.publish("news", &n.to_string()).await;
    }
    let mut later = server.terse().await;
    subscribe(&mut later, Some((20, &epoch))).await;
    server.publish("news", "51").await;
    for n in 21..=51 {
        later
            .expect_text(&format!(r#"["event","news",{n},{n}]"#))
            .await;
    }
    tell(&mut later, json!(["history", "news"])).await;
    let history = later.next_json().await;
    assert_eq!(history[1].as_array().unwrap().len(), 51);
    assert_eq!(history[1][7], json!(["event", "news", 8, 8]));
    // The event stream resumes in its own way from the same history.
    let mut stream = EventSource::open(server.address, "/sse?channel=news&last=2").await;
    stream.expect_subscribed(&["news"]).await;
    assert_eq!(stream.next_json().await["offset"], 50);
    assert_eq!(stream.next_json().await["offset"], 51);
}

#[tokio::test]
async fn members_of_different_dialects_receive_each_others_messages() {
    let server = Mounted::start(&HubOptions::default());
    let (mut native, mut terse) = (server.native().await, server.terse().await);
    native.join("lobby", 1).await;
    tell(&mut terse, json!(["join", "lobby"])).await;
    terse.expect_text(r#"["joined","lobby",2]"#).await;
    assert_eq!(native.next_json().await["type"], "user_joined");
    tell(&mut terse, json!(["say", "lobby", "hello"])).await;
    let message = native.next_json().await;
    assert_eq!(
        (&message["type"], &message["content"]),
        (&json!("message"), &json!("hello"))
    );
    native.say("lobby", "hi").await;
    terse.expect_text(r#"["said","lobby",null,"hi"]"#).await;
    native.leave("lobby").await;
    terse.expect_text(r#"["out","lobby"]"#).await;
    tell(&mut terse, json!(["nonsense"])).await;
    terse.expect_text(r#"["error","unknown_type"]"#).await;
}

#[tokio::test]
async fn what_a_slow_client_misses_is_told_in_its_dialect() {
    let server = Mounted::start(&HubOptions {
        outbox_max_messages: 20,
        ..options(Overflow::DropOldest)
    });
    let mut terse = slow_client(&server).await;
    let padding = "x".repeat(8 * 1024);
    for n in 1..=200 {
        server
            .publish("news", &format!(r#"[{n},"{padding}"]"#))
            .await;
    }
    // Every publication arrives, or is in a gap.
    let mut next = 1;
    let mut gaps = 0;
    while next <= 200 {
        let message = terse.next_json().await;
        if message[0] == "gap" {
            assert_eq!(message[3][0], json!(next), "{message}");
            next = message[3][1].as_u64().unwrap() + 1;
            gaps += 1;
        } else {
            assert_eq!((&message[2], &message[3][0]), (&json!(next), &json!(next)));
            next += 1;
        }
    }
    assert!(gaps > 0, "the socket took everything");
}

#[tokio::test]
async fn an_evicted_client_gets_the_close_code_of_its_dialect() {
    let server = Mounted::start(&HubOptions {
        outbox_max_messages: 20,
        ..options(Overflow::Evict)
    });
    let mut healthy = server.native().await;
    healthy.subscribe("news").await;
    let mut terse = slow_client(&server).await;
    let padding = "x".repeat(8 * 1024);
    let metrics = server.node.metrics();
    for n in 1..=10_000 {
        server
            .publish("news", &format!(r#"[{n},"{padding}"]"#))
            .await;
        assert_eq!(healthy.next_event("news").await["value"][0], n);
        if metrics.slow_consumers_total.get() == 1 {
            break;
        }
    }
    assert_eq!(metrics.slow_consumers_total.get(), 1);
    loop {
        let frame = terse.next_frame().await;
        if frame.first != TEXT {
            assert_eq!(frame.close(), (4100, "terse"));
            break;
        }
    }
}

#[tokio::test]
async fn pings_are_those_of_the_dialect_and_so_is_the_code_of_a_timeout() {
    let server = Mounted::start(&HubOptions {
        ping_interval: Duration::from_millis(100),
        pong_timeout: Duration::from_millis(500),
        ..HubOptions::default()
    });
    let (mut answers, mut silent) = (server.terse().await, server.terse().await);
    // The silent one is closed, and the other one is not, although both are pinged alike.
    let mut pings = 0;
    let closed = async {
        loop {
            let frame = silent.next_frame().await;
            if frame.first != TEXT {
                return frame;
            }
            assert_eq!(frame.text(), PING);
        }
    };
    let answering = async {
        loop {
            answers.expect_text(PING).await;
            tell(&mut answers, json!(["pong"])).await;
            pings += 1;
        }
    };
    tokio::select! {
        frame = closed => assert_eq!(frame.close(), (4201, "terse")),
        () = answering => {}
    }
    assert!(pings >= 2, "{pings} pings");
    answers.expect_text(PING).await;
}

#[tokio::test]
async fn a_drain_tells_each_client_in_its_dialect_and_loses_nothing() {
    let server = Mounted::start(&options(Overflow::Evict));
    let (mut native, mut terse) = (server.native().await, server.terse().await);
    let mut stream = event_stream(&server).await;
    native.subscribe("news").await;
    subscribe(&mut terse, None).await;
    for n in 1..=20 {
        server.publish("news", &n.to_string()).await;
    }
    let node = server.node.clone();
    let mut drain = JoinSet::new();
    drain.spawn(async move { node.drain(&DrainOptions::default()).await });
    for n in 1..=20 {
        assert_eq!(native.next_event("news").await["value"], n);
        terse
            .expect_text(&format!(r#"["event","news",{n},{n}]"#))
            .await;
        assert_eq!(stream.next_json().await["data"]["value"], n);
    }
    assert_eq!(native.next_json().await["event"], "shutdown");
    assert_eq!(terse.next_json().await[1], "$system");
    assert_eq!(stream.next_json().await["event"], "shutdown");
    assert_eq!(native.expect_close(1001).await, "shutdown");
    assert_eq!(terse.expect_close(4200).await, "terse");
    stream.expect_close(1001).await;
    drop((native, terse, stream));
    assert_eq!(join_all("the drain", drain).await, [0]);
    eventually("the end of all connections", async || {
        server.node.links() == 0
    })
    .await;
}
