//! Topics in which something is to be announced.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::hub::topic::{People, Topic, WatchedPresence};

/// Topics that the announcer has to look at, and when, which it does not know yet.
///
/// Bound: a topic is added only when that is earlier than the announcer would look at it.
///
/// Locks: a topic's state, then this.
#[derive(Debug, Default)]
pub(in crate::hub) struct Announcements {
    topics: Mutex<Vec<(Instant, Arc<Topic>)>>,
    noted: Notify,
}

impl Announcements {
    /// Notes that the people of a topic, which is locked, have changed.
    pub(in crate::hub) fn note(&self, topic: &Arc<Topic>, people: &mut People) {
        if let Some(at) = people.presence().and_then(WatchedPresence::reschedule) {
            self.topics.lock().push((at, topic.clone()));
            self.noted.notify_one();
        }
    }

    /// Returns when something was noted since it was last called.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Removes and returns the topics.
    pub(super) fn take(&self) -> Vec<(Instant, Arc<Topic>)> {
        std::mem::take(&mut *self.topics.lock())
    }
}
