//! Announcing who has come and gone, under the topic's lock.

use std::sync::Arc;

use crate::dialect::{Dialects, Outgoing};
use crate::hub::dispatch::Retry;
use crate::hub::forms::Forms;
use crate::hub::shard::{Entry, Permits};
use crate::hub::topic::{Topic, now};
use crate::presence::Announcement;

/// When a change may be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Once it is due.
    Due,
    /// Earlier too.
    Now,
}

impl Topic {
    /// Puts what is to be announced into the mailbox of every shard that has watchers.
    pub(super) fn announce(
        &self,
        permits: &mut Permits<'_>,
        dialects: Dialects,
        when: When,
    ) -> Result<(), Retry> {
        let mut state = self.state.lock();
        let Some(presence) = state.people.presence() else {
            return Ok(());
        };
        if !presence.shards().all(|shard| permits.has(shard)) {
            return Err(Retry);
        }
        let now = now();
        if when == When::Due && !presence.book.is_due(now) {
            return Ok(());
        }
        if let Some(Announcement { to_told, to_fresh }) = presence.book.take(now) {
            let forms = |presence| {
                let name = self.name().clone();
                let source = Outgoing::presence(dialects, self.kind(), name, presence);
                Forms::notice(source)
            };
            let shared = to_told.clone().map(forms);
            let to_fresh = to_fresh.into_iter().map(|presence| {
                if presence == to_told {
                    shared.clone()
                } else {
                    presence.map(forms)
                }
            });
            let to_fresh: Arc<[_]> = to_fresh.collect();
            for shard in presence.shards() {
                let entry = Entry::Announce {
                    topic: self.id(),
                    to_told: shared.clone(),
                    to_fresh: to_fresh.clone(),
                };
                permits.send(shard, entry);
            }
        }
        Ok(())
    }
}

/// The watchers that a permit is for; none where there are none.
pub(super) fn wanted(watchers: &[u32]) -> impl Fn(usize) -> Option<usize> {
    |shard| (watchers[shard] > 0).then_some(watchers[shard] as usize)
}
