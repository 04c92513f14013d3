//! Histories, positions and resume requests.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use wavecast::WebSocketConfig;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use super::client::Client;
use super::server::{TestServer, config};

/// The configuration of a server that keeps `max_messages` publications of every room and
/// channel.
pub fn with_history(max_messages: usize) -> WebSocketConfig {
    with_history_limits(HistoryLimits {
        max_messages,
        max_bytes: 64 * 1024 * 1024,
        ..HistoryLimits::default()
    })
}

/// The configuration of a server that keeps a history of every room and channel.
pub fn with_history_limits(limits: HistoryLimits) -> WebSocketConfig {
    config(|config| {
        config.topics = TopicRules::all(TopicOptions {
            history: Some(limits),
            ..TopicOptions::default()
        });
    })
}

/// The position of a topic, as an answer states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    pub offset: u64,
    pub epoch: String,
}

impl Position {
    pub fn of(answer: &Value) -> Self {
        Self {
            offset: answer["offset"]
                .as_u64()
                .unwrap_or_else(|| panic!("{answer}")),
            epoch: answer["epoch"].as_str().expect("an epoch").to_owned(),
        }
    }

    /// The same position at another offset.
    pub fn at(&self, offset: u64) -> Self {
        Self {
            offset,
            epoch: self.epoch.clone(),
        }
    }

    /// Expects the next publication, whose data holds its offset as `number`, and moves on
    /// to it.
    pub fn follow(&mut self, event: &Value) {
        assert_eq!(event["offset"], self.offset + 1, "{event}");
        assert_eq!(event["data"]["number"], self.offset + 1, "{event}");
        self.offset += 1;
    }

    /// The value of `since` in a resume request.
    pub fn since(&self) -> Value {
        json!({"offset": self.offset, "epoch": self.epoch})
    }
}

/// Subscribes with further fields and returns the answer.
pub async fn subscribe_with(client: &mut Client, channel: &str, fields: Value) -> Value {
    let mut command = json!({"type": "subscribe", "channel": channel});
    let object = command.as_object_mut().unwrap();
    object.extend(fields.as_object().unwrap().clone());
    client.send_text(&command.to_string()).await;
    let answer = client.next_json().await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    answer
}

/// Publishes events whose messages are the offsets that they get.
pub async fn publish_offsets(server: &TestServer, channel: &str, offsets: RangeInclusive<u64>) {
    for offset in offsets {
        server.publish(channel, &offset.to_string()).await;
    }
}

/// Expects events from [`publish_offsets`], each with its offset.
pub async fn expect_offsets(client: &mut Client, offsets: RangeInclusive<u64>) {
    for offset in offsets {
        let event = client.next_json().await;
        assert_eq!(event["offset"], offset, "{event}");
        assert_eq!(event["data"]["message"], format!("{offset}"), "{event}");
    }
}
