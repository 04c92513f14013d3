//! Who is present: snapshots, announcements, and what others may ask.

mod announcements;
mod asking;
mod bounds;
mod endings;
mod interleaved;
mod lists;
mod rights;
mod rooms;
mod watching;

use std::time::Duration;

use serde_json::{Value, json};
use wavecast::hub::{TopicOptions, TopicRules};
use wavecast::{HistoryLimits, PresenceOptions, WebSocketConfig};

use crate::support::{Client, TestServer, config};

/// Announces everything at once, and lets nobody linger.
const AT_ONCE: PresenceOptions = PresenceOptions {
    linger: Duration::ZERO,
    interval: Duration::ZERO,
    max_listed: 500,
};

/// A server that keeps who is present in all rooms and channels, with users from `?user=`.
async fn start(presence: PresenceOptions) -> TestServer {
    TestServer::start(keeping(presence)).await
}

fn keeping(presence: PresenceOptions) -> WebSocketConfig {
    config(|config| {
        config.trust_user_parameter = true;
        // So that only what is announced arrives.
        config.ping_interval = Duration::from_secs(3600);
        config.pong_timeout = Duration::from_secs(7200);
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            presence: Some(presence),
            ..TopicOptions::default()
        });
    })
}

/// Subscribes to the channel `c`, to be told who is present. Returns who is.
async fn watch(client: &mut Client) -> Value {
    let command = r#"{"type":"subscribe","channel":"c","presence":true}"#;
    client.send_text(command).await;
    let mut subscribed = client.next_json().await;
    assert_eq!(subscribed["type"], "subscribed", "{subscribed}");
    subscribed["presence"].take()
}

/// An announcement in the channel `c`.
fn announced(joined: &[&str], left: &[&str], counts: [usize; 3]) -> Value {
    let users = joined.iter().map(|user| json!({"user": user}));
    let [users_total, connections, anonymous] = counts;
    json!({
        "type": "presence", "channel": "c", "joined": users.collect::<Vec<_>>(), "left": left,
        "users": users_total, "connections": connections, "anonymous": anonymous,
    })
}

/// A list of users and how many there are.
fn present(users: &[&str], connections: usize, anonymous: usize) -> Value {
    let members = users.iter().map(|user| json!({"user": user}));
    json!({
        "users": users.len(), "connections": connections, "anonymous": anonymous,
        "members": members.collect::<Vec<_>>(),
    })
}
