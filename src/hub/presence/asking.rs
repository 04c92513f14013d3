//! Asking who is present.

use std::sync::Arc;

use crate::hub::Hub;
use crate::hub::client::Client;
use crate::hub::shard::{Entry, HubClosed, Watching};
use crate::hub::topic::{Topic, now};
use crate::presence::{Info, Page, PresenceBook, PresenceOptions};
use crate::protocol::{Presence, PresenceCounts, TopicKind, UserId};
use crate::wire::Frame;

/// There is no such user in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPresent;

impl Hub {
    /// How the topic with this name keeps who is present; `None` if it does not.
    pub fn presence_options(&self, kind: TopicKind, name: &str) -> Option<PresenceOptions> {
        self.registry.presence_options(kind, name)
    }

    /// Maximum size of a list of those who are present, in bytes.
    pub fn max_list_bytes(&self) -> usize {
        self.registry.max_list_bytes()
    }

    /// How many are present; nobody, if presence is not kept.
    pub fn presence_counts(&self, kind: TopicKind, name: &str) -> PresenceCounts {
        let topic = self.registry.topic(kind, name);
        let count = |topic: Arc<Topic>| {
            let mut state = topic.state.lock();
            let presence = state.people.presence()?;
            Some(presence.snapshot_counts())
        };
        topic.and_then(count).unwrap_or_default()
    }

    /// The first `limit` users who are present and have arrived after the user `after`, and how many
    /// are present. A lock is held meanwhile, so `limit` should be small.
    pub fn present_users(
        &self,
        kind: TopicKind,
        name: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page, NotPresent> {
        let page = self.registry.topic(kind, name).and_then(|topic| {
            let mut state = topic.state.lock();
            let presence = state.people.presence()?;
            let page = presence.book.page(after, limit, now());
            Some(page.ok_or(NotPresent))
        });
        page.unwrap_or_else(|| match after {
            None => Ok(Page::default()),
            Some(_) => Err(NotPresent),
        })
    }

    /// Sends a client the reply to its question who is present.
    ///
    /// Ordering: the client gets the announcements of what changed before it asked ahead of the reply,
    /// the others behind it.
    /// Backpressure: waits while the shard's mailbox is full. It sets no deadline of its own.
    /// Cancel safety: the reply is sent or not.
    pub async fn reply_with_presence(
        &self,
        client: &Arc<Client>,
        (kind, name): (TopicKind, &str),
        reply: impl Fn(&Presence) -> Frame,
    ) -> Result<(), HubClosed> {
        let topic = self.registry.topic(kind, name);
        let bytes = topic.as_ref().map_or(0, |topic| {
            let mut state = topic.state.lock();
            let presence = state.people.presence();
            presence.map_or(0, |presence| presence.book.list_bytes())
        });
        let one = |shard| (shard == client.shard).then_some(1);
        let mut permits = self.mailboxes.reserve(one, bytes).await?;
        let mut state = topic.as_ref().map(|topic| topic.state.lock());
        let kept = state.as_mut().and_then(|state| state.people.presence());
        let shown = kept.map(|presence| presence.show(&client.person()));
        let (present, knows) = shown.unwrap_or_else(|| {
            let options = self.registry.presence_options(kind, name);
            let nobody = PresenceBook::new(options.unwrap_or_default(), 0).snapshot(now());
            (nobody, None)
        });
        let frame = reply(&present);
        let shard = client.shard;
        let (charge, client) = (self.replies.charge(client, frame.len()), client.clone());
        let entry = match (&topic, knows) {
            (Some(topic), Some(knows)) => Entry::Watch {
                client,
                topic: topic.id(),
                watching: Watching::Knowing(knows),
                ack: Some((frame, Some(charge))),
            },
            _ => Entry::Reply {
                client,
                frame,
                charge: Some(charge),
            },
        };
        permits.send(shard, entry);
        Ok(())
    }

    /// No longer tells a client who is present in a topic.
    ///
    /// Backpressure: waits while the shard's mailbox is full. It sets no deadline of its own.
    /// Cancel safety: the client is told further on or not.
    pub async fn stop_watching(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
    ) -> Result<(), HubClosed> {
        let one = |shard| (shard == client.shard).then_some(1);
        let mut permits = self.mailboxes.reserve(one, 0).await?;
        let mut state = topic.state.lock();
        if let Some(presence) = state.people.presence()
            && presence.watch(&client.person(), false)
        {
            let client = client.clone();
            let entry = Entry::Watch {
                client: client.clone(),
                topic: topic.id(),
                watching: Watching::Not,
                ack: None,
            };
            permits.send(client.shard, entry);
        }
        Ok(())
    }

    /// Shows what a client's newer token says of its user, where presence is kept.
    pub fn renew_info(&self, client: &Client, topic: &Arc<Topic>, info: &Info) {
        if !topic.keeps_presence() {
            return;
        }
        // It holds the client in the topic meanwhile.
        let memberships = client.memberships.lock();
        if memberships.contains(topic) {
            let mut state = topic.state.lock();
            if let Some(presence) = state.people.presence() {
                presence.renew(&client.person(), info);
            }
            self.announcements.note(topic, &mut state.people);
        }
    }
}

impl Topic {
    /// Whether a client is told who is present.
    pub fn is_watched_by(&self, client: &Client) -> bool {
        let mut state = self.state.lock();
        let presence = state.people.presence();
        presence.is_some_and(|presence| presence.is_watched_by(&client.person()))
    }
}
