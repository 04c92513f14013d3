//! What is forgotten when all histories together exceed their bound.

use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Retention, TopicOptions, TopicRules};
use wavecast::protocol::TopicKind;

use super::support::one_place;
use crate::patience::{InTime as _, eventually};

/// Every channel keeps a history; together they have this many bytes.
fn with_history(max_bytes: usize) -> HubOptions {
    HubOptions {
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        }),
        retention: Retention {
            max_bytes,
            clients_max_bytes: 0,
            ..Retention::default()
        },
        ..one_place()
    }
}

async fn publish(hub: &Hub, name: usize) {
    let (kind, name) = (TopicKind::Channel, name.to_string().into());
    let message = NativeText::source(r#"{"n":1}"#);
    let published = hub.publish(kind, &name, &message, None, |_| None);
    published.in_time().await.unwrap();
}

/// Positions alone can exceed the bound, when no message is left to drop. They once kept out
/// every later publication until they expired.
#[tokio::test]
async fn positions_are_forgotten_when_there_is_no_message_to_drop() {
    const MAX_BYTES: usize = 1000;
    let hub = Hub::new(
        &with_history(MAX_BYTES),
        Dialects::default(),
        &TaskTracker::new(),
    );
    for name in 0..20 {
        publish(&hub, name).await;
    }
    eventually("a history within its bound", async || {
        hub.history_bytes() <= MAX_BYTES
    })
    .await;
}

/// A forgotten position once counted until the end of the sweep, so that one position too
/// many made the sweep forget all of them.
#[tokio::test]
async fn no_more_positions_are_forgotten_than_necessary() {
    const MAX_BYTES: usize = 50_000;
    let hub = Hub::new(
        &with_history(MAX_BYTES),
        Dialects::default(),
        &TaskTracker::new(),
    );
    let mut most = 0;
    for name in 0..200 {
        publish(&hub, name).await;
        // The sweeper runs before the next publication.
        eventually("a history within its bound", async || {
            hub.history_bytes() <= MAX_BYTES
        })
        .await;
        let now = hub.topics(TopicKind::Channel).len();
        most = most.max(now);
        assert!(now >= most * 3 / 4, "{now} of {most} at {name}");
    }
    assert!(most > 50, "{most}");
}
