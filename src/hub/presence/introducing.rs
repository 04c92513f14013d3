//! Announcing a user before its own message.

use super::announcing::{When, wanted};
use crate::hub::Hub;
use crate::hub::client::Client;
use crate::hub::shard::HubClosed;
use crate::protocol::TopicKind;

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
        if self.announcer.is_none() {
            return Ok(());
        }
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
