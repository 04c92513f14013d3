//! Topics that the sweeper has to look at for the first time, or earlier than it would.

use std::sync::Arc;

use parking_lot::Mutex;

use super::topic_log::TopicLog;
use crate::hub::topic::Topic;

/// Topics whose history has publications that the sweeper does not know of.
///
/// Bound: each topic is here at most once. The sweeper takes them in its next turn.
///
/// Locks: a topic's state, then this.
#[derive(Debug, Default)]
pub(in crate::hub) struct Arrivals {
    topics: Mutex<Vec<Arc<Topic>>>,
}

impl Arrivals {
    /// Notes that the log of `topic` is about to get a publication. Takes no lock if the sweeper
    /// already knows that the log has some.
    pub(in crate::hub) fn note(&self, topic: &Arc<Topic>, log: &mut TopicLog) {
        if log.begin_watch() {
            self.topics.lock().push(topic.clone());
        }
    }

    /// Removes and returns the topics.
    pub(super) fn take(&self) -> Vec<Arc<Topic>> {
        std::mem::take(&mut *self.topics.lock())
    }
}
