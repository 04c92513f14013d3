//! What is forgotten when all histories together are too much.

use tokio_util::task::TaskTracker;
use wavecast::dialect::native::Native;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Retention, TopicOptions, TopicRules};
use wavecast::protocol::TopicKind;

use super::support::{eventually, narrow};

/// Every room and channel keeps a history, all together so many bytes.
fn remembering(max_bytes: usize) -> HubOptions {
    HubOptions {
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        }),
        retention: Retention {
            max_bytes,
            ..Retention::default()
        },
        ..narrow()
    }
}

async fn publish(hub: &Hub, name: usize) {
    let (kind, name) = (TopicKind::Channel, name.to_string().into());
    let message = r#"{"n":1}"#.into();
    let published = hub.publish(kind, &name, &message, None, |_| None);
    published.await.unwrap();
}

/// Positions alone can be too much, with no message left to drop: none had room, or all
/// have expired. They then kept every later publication out until their own time was over.
#[tokio::test]
async fn positions_give_way_when_there_is_no_message_to_drop() {
    const MAX_BYTES: usize = 1000;
    let hub = Hub::new(&remembering(MAX_BYTES), &Native, &TaskTracker::new());
    for name in 0..20 {
        publish(&hub, name).await;
    }
    eventually("positions that are forgotten", || {
        hub.history_bytes() <= MAX_BYTES
    })
    .await;
}

/// A position counted until whoever looked for something to forget had done with all of
/// them, so one too many cost them all.
#[tokio::test]
async fn no_more_positions_are_forgotten_than_must_be() {
    const MAX_BYTES: usize = 50_000;
    let hub = Hub::new(&remembering(MAX_BYTES), &Native, &TaskTracker::new());
    let mut most = 0;
    for name in 0..200 {
        publish(&hub, name).await;
        // What there is to forget is forgotten before the next.
        eventually("room", || hub.history_bytes() <= MAX_BYTES).await;
        let now = hub.topics(TopicKind::Channel).len();
        most = most.max(now);
        assert!(now >= most * 3 / 4, "{now} of {most} at {name}");
    }
    assert!(most > 50, "{most}");
}
