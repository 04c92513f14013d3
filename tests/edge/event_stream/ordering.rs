//! Event streams and WebSockets receive the same events in the same order.

use serde_json::json;
use tokio::task::JoinSet;
use wavecast::{TopicRules, WebSocketConfig};

use crate::support::{EventSource, TestServer, join_all, large_outboxes, publish, within_a_minute};

#[tokio::test]
async fn all_clients_receive_one_order_under_load_and_large_events_in_one_piece() {
    const EVENTS: usize = 1500;
    // Without positions, both receive the same text.
    let config = WebSocketConfig {
        topics: TopicRules::default(),
        ..large_outboxes()
    };
    let edge = TestServer::start(config).await;
    let mut sources = Vec::new();
    for _ in 0..5 {
        sources.push(EventSource::subscribe(edge.address, &["a", "b"]).await);
    }
    let mut websocket = edge.connect().await;
    websocket.subscribe("a").await;
    websocket.subscribe("b").await;
    let mut publishing = JoinSet::new();
    for publisher in 0..3 {
        let server = edge.server.clone();
        publishing.spawn(async move {
            for number in 0..EVENTS {
                let channel = if number % 2 == 0 { "a" } else { "b" };
                // Every hundredth event is larger than a pipe.
                let padding = "p".repeat(if number % 100 == 99 {
                    40_000
                } else {
                    number % 50
                });
                let data = json!({"publisher": publisher, "number": number, "padding": padding});
                publish(&server, channel, &data).await;
            }
        });
    }
    let mut reading = JoinSet::new();
    for mut source in sources {
        reading.spawn(async move {
            let mut events = Vec::new();
            while events.len() < 3 * EVENTS {
                events.push(source.next_text().await);
            }
            events
        });
    }
    let mut expected = Vec::new();
    within_a_minute("all events on the WebSocket", async {
        while expected.len() < 3 * EVENTS {
            expected.push(websocket.next_text().await);
        }
    })
    .await;
    join_all("the publishers", publishing).await;
    let of = |events: &[String], channel: &str| -> Vec<String> {
        let head = format!(r#"{{"type":"event","channel":"{channel}""#);
        events
            .iter()
            .filter(|event| event.starts_with(&head))
            .cloned()
            .collect()
    };
    let streams = join_all("the readers of the streams", reading).await;
    for stream in &streams {
        for channel in ["a", "b"] {
            // Not `assert_eq!`: it would print megabytes.
            assert!(
                of(stream, channel) == of(&expected, channel),
                "channel {channel}"
            );
        }
    }
}
