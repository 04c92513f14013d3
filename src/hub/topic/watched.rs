//! Who is present in a topic, and who watches.

use std::collections::HashSet;
use std::time::{Instant, SystemTime};

use uuid::Uuid;

use super::audience::Audience;
use super::person::Person;
use crate::presence::{Info, Knows, PresenceBook, PresenceOptions};
use crate::protocol::{Presence, PresenceCounts};

/// Who is present in a topic, and which of the members are told, guarded by the topic's lock.
#[derive(Debug)]
pub(in crate::hub) struct WatchedPresence {
    pub(in crate::hub) book: PresenceBook,
    watchers: HashSet<Uuid>,
    /// The watchers per shard.
    audience: Audience,
    /// When the announcer looks at the topic next, if it does.
    scheduled: Option<Instant>,
}

/// The time, which tests can stop.
pub(in crate::hub) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl WatchedPresence {
    pub(in crate::hub) fn new(options: PresenceOptions, max_bytes: usize, shards: usize) -> Self {
        Self {
            book: PresenceBook::new(options, max_bytes),
            watchers: HashSet::new(),
            audience: Audience::new(shards),
            scheduled: None,
        }
    }

    pub(super) fn enter(&mut self, person: &Person, info: Option<&Info>) -> bool {
        let info = || info.cloned().unwrap_or_default();
        let user = person.user.as_ref().map(|user| (user, info()));
        self.book.enter(user, now(), SystemTime::now())
    }

    pub(super) fn leave(&mut self, person: &Person) -> bool {
        self.watch(person, false);
        self.book.leave(person.user.as_ref(), now())
    }

    /// Tells a member from now on who is present, or no longer. Whether that changes anything.
    pub(in crate::hub) fn watch(&mut self, person: &Person, watches: bool) -> bool {
        let changes = if watches {
            self.watchers.insert(person.id)
        } else {
            self.watchers.remove(&person.id)
        };
        match (changes, watches) {
            (false, _) => {}
            (true, true) => self.audience.add(person.shard),
            (true, false) => self.audience.remove(person.shard),
        }
        if self.watchers.is_empty() {
            self.watchers = HashSet::new();
        }
        self.book.set_watched(!self.watchers.is_empty());
        changes
    }

    /// The client has a newer token.
    pub(in crate::hub) fn renew(&mut self, person: &Person, info: &Info) {
        if let Some(user) = &person.user {
            self.book.renew(user, info.clone(), now());
        }
    }

    /// Whether the client watches.
    pub(in crate::hub) fn is_watched_by(&self, person: &Person) -> bool {
        self.watchers.contains(&person.id)
    }

    /// Who is present, for a member that asks or begins to watch. If it watches, its shard has to be
    /// told that it is up to date.
    pub(in crate::hub) fn show(&mut self, person: &Person) -> (Presence, Option<Knows>) {
        if self.is_watched_by(person) {
            let (presence, knows) = self.book.show(now());
            (presence, Some(knows))
        } else {
            (self.book.snapshot(now()), None)
        }
    }

    pub(in crate::hub) fn snapshot_counts(&mut self) -> PresenceCounts {
        self.book.counts_at(now())
    }

    /// The number of watchers in each shard.
    pub(in crate::hub) fn watchers_by_shard(&self) -> Box<[u32]> {
        self.audience.by_shard()
    }

    /// The shards that have watchers.
    pub(in crate::hub) fn shards(&self) -> impl Iterator<Item = usize> {
        self.audience.shards()
    }

    /// When the announcer has to look at the topic, if that is earlier than it would, and when it would.
    pub(in crate::hub) fn reschedule(&mut self) -> Option<(Option<Instant>, Instant)> {
        let due = self.book.due()?;
        let is_earlier = self.scheduled.is_none_or(|scheduled| due < scheduled);
        is_earlier.then(|| (self.scheduled.replace(due), due))
    }

    /// Whether this is the time at which the announcer was to look at the topic.
    pub(in crate::hub) fn is_scheduled(&self, at: Instant) -> bool {
        self.scheduled == Some(at)
    }

    /// The announcer does not look at the topic any more. Returns when it would have.
    pub(in crate::hub) fn unschedule(&mut self) -> Option<Instant> {
        self.scheduled.take()
    }
}
