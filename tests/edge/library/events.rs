//! Events that an application builds and publishes.

use std::error::Error as _;
use std::iter::repeat;

use serde_json::json;
use wavecast::{ErrorCode, EventBuilder, NameError, PublishError, WebSocketServer};

use crate::support::{TestServer, config, within};

async fn refused(event: EventBuilder) -> PublishError {
    let sent = within("the answer to an event", event.send()).await;
    sent.expect_err("an invalid event")
}

#[tokio::test]
async fn an_event_has_a_name_an_id_and_data() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("orders").await;
    let published = server
        .server
        .event("orders")
        .name("order.created")
        .id("o-17")
        .data(&json!({"total": 9}))
        .send()
        .await
        .unwrap();
    let (id, timestamp) = (published.id.as_str(), &published.timestamp);
    assert_eq!((id, published.subscribers), ("o-17", 1));
    client
        .expect_text(&format!(
            r#"{{"type":"event","channel":"orders","event":"order.created","data":{{"id":"o-17","timestamp":"{timestamp}","total":9}}}}"#
        ))
        .await;
}

#[tokio::test]
async fn an_event_needs_neither_a_name_nor_an_id_nor_data() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("orders").await;
    let published = server.server.event("orders").send().await.unwrap();
    let (id, timestamp) = (published.id, published.timestamp);
    assert!(id.as_str().starts_with("evt_"), "{id}");
    client
        .expect_text(&format!(
            r#"{{"type":"event","channel":"orders","data":{{"id":"{id}","timestamp":"{timestamp}"}}}}"#
        ))
        .await;
}

#[tokio::test]
async fn data_may_be_json_text() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("orders").await;
    for (text, kept) in [
        (" {\"a\": [1, 2e0]} ", "\"a\": [1, 2e0]}"),
        (
            "[3 ,36893488147419103232]",
            "\"value\":[3 ,36893488147419103232]}",
        ),
    ] {
        let sent = server.server.event("orders").json(text);
        let published = sent.send().await.unwrap();
        let (id, timestamp) = (published.id, published.timestamp);
        let data = format!(r#"{{"id":"{id}","timestamp":"{timestamp}",{kept}"#);
        client
            .expect_text(&format!(
                r#"{{"type":"event","channel":"orders","data":{data}}}"#
            ))
            .await;
    }
}

#[tokio::test]
async fn an_event_for_many_channels_is_published_to_each_once() {
    let server = TestServer::start_default().await;
    let (mut both, mut one) = (server.connect().await, server.connect().await);
    both.subscribe("a").await;
    both.subscribe("b").await;
    one.subscribe("b").await;
    let event = server.server.event_for_channels(["a", "b", "a"]);
    let published = event.id("x").data("news").send().await.unwrap();
    assert_eq!(published.subscribers, 3);
    assert_eq!(both.next_json().await["data"]["id"], "x");
    assert_eq!(both.next_event("b").await["value"], "news");
    assert_eq!(one.next_event("b").await["value"], "news");
    both.expect_silence().await;
}

#[tokio::test]
async fn an_event_for_a_user_reaches_each_of_its_connections_and_nobody_else() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    let mut adas = [
        server.connect_as("ada").await,
        server.connect_as("ada").await,
    ];
    let mut bob = server.connect_as("bob").await;
    let event = server.server.event_for_user("ada").data(&json!({"n": 1}));
    assert_eq!(event.send().await.unwrap().subscribers, 2);
    for ada in &mut adas {
        assert_eq!(ada.next_event("$user:ada").await["n"], 1);
    }
    bob.expect_silence().await;
}

#[tokio::test]
async fn an_event_for_everyone_reaches_every_connection() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(3).await;
    let event = server.server.event_for_everyone().name("maintenance");
    assert_eq!(event.send().await.unwrap().subscribers, 3);
    for client in &mut clients {
        let event = client.next_json().await;
        assert_eq!(event["channel"], "$all");
        assert_eq!(event["event"], "maintenance");
    }
}

#[tokio::test]
async fn an_id_is_published_once() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("orders").await;
    let event = |total| server.server.event("orders").id("o-17").data(&total);
    let first = event(1).send().await.unwrap();
    let second = event(2).send().await.unwrap();
    assert_eq!(first, second);
    assert_eq!(client.next_event("orders").await["value"], 1);
    client.expect_silence().await;
}

#[tokio::test]
async fn each_mistake_has_its_own_error() {
    let server = WebSocketServer::new(config(|_| {}));
    let channel = |channel: &str, source| PublishError::InvalidChannel {
        channel: channel.into(),
        source,
    };
    let long = "x".repeat(201);
    for (event, error, code) in [
        (
            server.event(""),
            channel("", NameError::Empty),
            ErrorCode::InvalidChannel,
        ),
        (
            server.event_for_channels(["a", &long]),
            channel(&long, NameError::TooLong),
            ErrorCode::InvalidChannel,
        ),
        (
            server.event("$other"),
            channel("$other", NameError::Reserved),
            ErrorCode::InvalidChannel,
        ),
        (
            server.event("$system"),
            PublishError::ReservedChannel,
            ErrorCode::Forbidden,
        ),
        (
            server.event_for_channels([""; 0]),
            PublishError::ChannelCount,
            ErrorCode::InvalidChannel,
        ),
        (
            server.event_for_channels(repeat("endless")),
            PublishError::ChannelCount,
            ErrorCode::InvalidChannel,
        ),
        (
            server.event_for_user("a\nb"),
            PublishError::InvalidUser(NameError::ControlCharacter),
            ErrorCode::InvalidUser,
        ),
        (
            server.event("a").id(""),
            PublishError::InvalidId(NameError::Empty),
            ErrorCode::InvalidEvent,
        ),
        (
            server.event("a").name(&long),
            PublishError::InvalidName(NameError::TooLong),
            ErrorCode::InvalidEvent,
        ),
        (
            server.event("a").data(&"x".repeat(64 * 1024)),
            PublishError::TooLarge { limit: 64 * 1024 },
            ErrorCode::MessageTooLarge,
        ),
    ] {
        let refused = refused(event).await;
        assert_eq!(refused, error);
        assert_eq!(refused.code(), code, "{refused}");
    }
    server.drain().await;
    let refused = refused(server.event("a")).await;
    assert_eq!(refused, PublishError::ShuttingDown);
    assert_eq!(refused.code().as_str(), "draining");
}

#[tokio::test]
async fn data_that_cannot_be_serialized_is_refused_with_its_cause() {
    let server = WebSocketServer::new(config(|_| {}));
    let keys_that_are_no_text = std::collections::HashMap::from([((1, 2), 3)]);
    for event in [
        server.event("a").data(&keys_that_are_no_text),
        server.event("a").json("{"),
        server.event("a").json("{} {}"),
    ] {
        let refused = refused(event).await;
        assert_eq!(refused.code(), ErrorCode::InvalidJson);
        assert_eq!(refused.to_string(), "invalid event data");
        let cause = refused.source().expect("a cause").to_string();
        assert!(!cause.is_empty());
    }
}

#[tokio::test]
async fn the_first_mistake_is_reported() {
    let server = WebSocketServer::new(config(|_| {}));
    let event = server.event("a").name("").id("").json("{");
    let first = PublishError::InvalidName(NameError::Empty);
    assert_eq!(refused(event).await, first);
    let refused = refused(server.event("").name("")).await;
    assert!(matches!(refused, PublishError::InvalidChannel { .. }));
    // An error describes its own level, and its source the next.
    assert_eq!(refused.to_string(), r#"invalid channel name """#);
    let cause = refused.source().expect("a cause");
    assert_eq!(cause.to_string(), "must not be empty");
}
