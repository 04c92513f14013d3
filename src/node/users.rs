//! Users: who has connections, and what they are. The members of `$user:<id>` are the connections of
//! the user; no other record is kept.

use std::sync::Arc;

use tokio::time::timeout_at;
use uuid::Uuid;

use super::Node;
use super::connections::LiveConnection;
use super::page::Page;
use super::unavailable::Unavailable;
use crate::hub::{Client, Phase, Topic};
use crate::protocol::{ChannelName, CloseCode, TopicKind, UserId, user_of};

/// Connections that are closed before the next ones are looked up.
const CLOSED_AT_ONCE: usize = 256;

/// A user with connections.
#[derive(Debug, Clone)]
pub struct OnlineUser {
    channel: Arc<Topic>,
}

impl OnlineUser {
    /// The user's id.
    pub fn id(&self) -> &str {
        user_of(self.channel.name()).unwrap_or_default()
    }

    /// The number of the user's connections.
    pub fn connections(&self) -> usize {
        self.channel.members()
    }
}

impl Node {
    /// A page of the users that have connections, ordered by id.
    pub fn users(&self, after: Option<&str>, limit: usize) -> Page<OnlineUser> {
        let after = after.map(str::to_owned);
        let key = |user: &OnlineUser| user.id().to_owned();
        Page::read(after.as_ref(), limit, key, |after, limit| {
            let after = after.map(String::as_str);
            let (channels, total) = self.hub.occupied_user_channels(after, limit);
            let users = channels.into_iter().map(|channel| OnlineUser { channel });
            (users.collect(), total)
        })
    }

    /// A page of a user's live connections, in the order in which they connected.
    ///
    /// Backpressure: waits while a shard with connections of the user is behind, at most for
    /// `publish_timeout`.
    pub async fn connections_of(
        &self,
        user: &UserId,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Page<LiveConnection>, Unavailable> {
        let Some(channel) = self.channel_of(user) else {
            return Ok(Page {
                items: Vec::new(),
                total: 0,
                more: false,
            });
        };
        // One more shows whether the list goes on.
        let mut clients = self
            .members_in_time(&channel, after, limit.saturating_add(1))
            .await?;
        let more = clients.len() > limit;
        clients.truncate(limit);
        let sent = self.hub.inspect(&clients).await?;
        let items = clients.into_iter().zip(sent);
        Ok(Page {
            items: items
                .map(|(client, sent)| LiveConnection { client, sent })
                .collect(),
            total: channel.members(),
            more,
        })
    }

    /// Closes the connections that a user has now, behind what is queued for them, and returns how
    /// many they were.
    ///
    /// Backpressure: for each connection, that of [`close`](Self::close).
    /// Errors: some are closed; the rest may be tried again.
    /// Cancel safety: the same.
    pub async fn close_user(
        &self,
        user: &UserId,
        code: CloseCode,
        reason: Option<&str>,
    ) -> Result<usize, Unavailable> {
        let Some(channel) = self.channel_of(user) else {
            return Ok(0);
        };
        // Ids are ordered by time, so those who come back meanwhile are not closed again and again.
        let (last, mut after, mut closed) = (Uuid::now_v7(), None, 0);
        loop {
            let clients = self
                .members_in_time(&channel, after, CLOSED_AT_ONCE)
                .await?;
            for client in &clients {
                if client.id() > last {
                    return Ok(closed);
                }
                closed += usize::from(client.phase() == Phase::Open);
                self.close(client, code, reason).await?;
            }
            match clients.last() {
                Some(last) if clients.len() == CLOSED_AT_ONCE => after = Some(last.id()),
                _ => return Ok(closed),
            }
        }
    }

    fn channel_of(&self, user: &UserId) -> Option<Arc<Topic>> {
        let channel = ChannelName::of_user(user);
        self.hub.topic(TopicKind::Channel, channel.as_str())
    }

    async fn members_in_time(
        &self,
        channel: &Topic,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Arc<Client>>, Unavailable> {
        let members = self.hub.members(channel, after, limit);
        let members = timeout_at(self.publish_deadline(), members).await;
        Ok(members.map_err(|_elapsed| Unavailable::Overloaded)??)
    }
}
