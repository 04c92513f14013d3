//! What is forgotten when all histories together exceed their bound.

use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Client, Hub, HubOptions, Link, Retention, TopicOptions, TopicRules};
use wavecast::protocol::{HistoryRequest, TopicKind};

use super::support::{connect, one_place};
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

/// The rooms that a client published in first count for it together, not each for itself. Otherwise
/// many small ones would take the history of a room that holds more than any of them.
#[tokio::test]
async fn many_rooms_of_one_client_take_nothing_from_the_room_of_another() {
    const MAX_BYTES: usize = 256 * 1024;
    const KEPT: usize = 20;
    let options = with_history(MAX_BYTES);
    let options = HubOptions {
        retention: Retention {
            clients_max_bytes: MAX_BYTES / 4,
            ..options.retention
        },
        ..options
    };
    let hub = Hub::new(&options, Dialects::default(), &TaskTracker::new());
    let [quiet, busy] = [(); 2].map(|()| connect(&hub, Link::Detached));
    let message = NativeText::source(r#"{"n":1}"#);
    let say = async |client: &Client, room: String| {
        let name = room.into();
        let origin = Some(client.id());
        let said = hub.publish(TopicKind::Room, &name, &message, origin, |_| None);
        said.in_time().await.unwrap();
    };
    for _ in 0..KEPT {
        say(&quiet, "quiet".to_owned()).await;
    }
    let mut is_exceeded = false;
    for number in 0..1000 {
        say(&busy, number.to_string()).await;
        is_exceeded |= hub.history_bytes() > MAX_BYTES / 4;
    }
    assert!(is_exceeded, "there are too few rooms");
    eventually("a history within its bound", async || {
        hub.history_bytes() <= MAX_BYTES / 4
    })
    .await;
    let request = HistoryRequest::new(None, None, None).unwrap();
    let kept = hub.history(TopicKind::Room, "quiet", request, usize::MAX);
    assert_eq!(kept.unwrap().page.items.len(), KEPT);
}
