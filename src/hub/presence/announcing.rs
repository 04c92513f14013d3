//! Announcing who has come and gone.

use std::sync::Arc;

use super::announcer::wanted;
use crate::dialect::{Dialects, Outgoing};
use crate::hub::Hub;
use crate::hub::client::Client;
use crate::hub::dispatch::Retry;
use crate::hub::forms::Forms;
use crate::hub::shard::{Entry, HubClosed, Permits};
use crate::hub::topic::{Topic, now};
use crate::presence::Announcement;
use crate::protocol::TopicKind;

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

impl Hub {
    /// Tells those who watch a topic that the client's user is there, if they have not been told yet.
    /// What the client publishes afterwards follows that.
    ///
    /// Backpressure: waits while the mailbox of a shard with watchers is full. It sets no deadline of
    /// its own.
    /// Cancel safety: they are told or not.
    pub async fn introduce(
        &self,
        kind: TopicKind,
        name: &str,
        client: &Client,
    ) -> Result<(), HubClosed> {
        let topic = self.registry.topic(kind, name);
        let Some(topic) = topic.filter(|topic| topic.keeps_presence()) else {
            return Ok(());
        };
        let Some(user) = client.user() else {
            return Ok(());
        };
        loop {
            let (watchers, bytes) = {
                let mut state = topic.state.lock();
                let presence = state.people.presence();
                let Some(presence) = presence.filter(|it| it.book.is_unannounced(&user)) else {
                    return Ok(());
                };
                let bytes = presence.book.announcement_bytes();
                (presence.watchers_by_shard(), bytes)
            };
            let mut permits = self.mailboxes.reserve(wanted(&watchers), bytes).await?;
            if topic
                .announce(&mut permits, self.dialects, When::Now)
                .is_ok()
            {
                return Ok(());
            }
        }
    }
}
