//! Topics in which something is to be announced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::hub::topic::{People, Topic, TopicId, WatchedPresence};

/// Topics that the announcer has to look at, by the time at which it does.
///
/// Bound: each topic that is in use once; one that is retired leaves it.
///
/// Locks: a topic's state, then this.
#[derive(Debug, Default)]
pub(in crate::hub) struct Announcements {
    schedule: Mutex<BTreeMap<(Instant, TopicId), Arc<Topic>>>,
    noted: Notify,
}

impl Announcements {
    /// Notes that the people of a topic, which is locked, have changed.
    pub(in crate::hub) fn note(&self, topic: &Arc<Topic>, people: &mut People) {
        let Some((before, at)) = people.presence().and_then(WatchedPresence::reschedule) else {
            return;
        };
        let mut schedule = self.schedule.lock();
        if let Some(before) = before {
            schedule.remove(&(before, topic.id()));
        }
        schedule.insert((at, topic.id()), topic.clone());
        let is_first = schedule
            .first_key_value()
            .is_some_and(|((_, id), _)| *id == topic.id());
        drop(schedule);
        if is_first {
            self.noted.notify_one();
        }
    }

    /// Forgets the people of a topic that is retired: nobody is told of them any more.
    pub(in crate::hub) fn forget(&self, topic: &Topic) {
        let mut state = topic.state.lock();
        if let Some(presence) = state.people.presence() {
            if let Some(at) = presence.unschedule() {
                self.schedule.lock().remove(&(at, topic.id()));
            }
            state.people = People::Unknown;
        }
    }

    /// Looks at a topic again when something is due in it; it has been taken from the schedule.
    pub(super) fn note_again(&self, topic: &Arc<Topic>) {
        let mut state = topic.state.lock();
        if let Some(presence) = state.people.presence() {
            presence.unschedule();
        }
        self.note(topic, &mut state.people);
    }

    /// Returns when a topic has become the first since this was last called.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Removes and returns the first topic whose time has come.
    pub(super) fn take_due(&self, now: Instant) -> Option<(Instant, Arc<Topic>)> {
        let mut schedule = self.schedule.lock();
        let first = schedule.first_entry()?;
        let is_due = first.key().0 <= now;
        is_due.then(|| {
            let ((at, _), topic) = first.remove_entry();
            (at, topic)
        })
    }

    /// The time of the first topic.
    pub(super) fn next(&self) -> Option<Instant> {
        let schedule = self.schedule.lock();
        schedule.first_key_value().map(|((at, _), _)| *at)
    }
}
