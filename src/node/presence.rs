//! Who is present in a room or channel.

use std::sync::Arc;

use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

use super::Node;
use super::page::Page;
use super::refusals::{refuse_overloaded, refuse_unavailable};
use super::unavailable::Unavailable;
use crate::hub::{Client, NotPresent, Topic};
use crate::presence::{Info, PageItem};
use crate::protocol::{
    ChannelName, Identity, Json, Presence, PresenceCounts, PresenceList, PresenceRequest,
    PresentConnection, Refusal, RoomName, ServerMessage, TopicKind, TopicName, UserId,
};
use crate::wire::Frame;

/// A page of those who are present, and how many there are.
#[derive(Debug, Clone)]
pub struct PresentPage<T> {
    /// The page.
    pub page: Page<T>,
    /// All of them, when the page was made.
    pub counts: PresenceCounts,
}

/// Why there is no page of those who are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresenceError {
    /// No rule says that it is kept.
    #[error("no presence is kept")]
    NotKept,
    /// The user after whom the page was to begin is not present.
    #[error("the user is not present")]
    NotPresent,
    /// It could not be found out in time, or the server is shutting down.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Node {
    /// Answers a client that asks who is present in a channel.
    pub async fn show_channel(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        request: PresenceRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.may_see_channel(client, channel).await?;
        self.answer_with_presence(client, channel.into(), request, reply_to)
            .await
    }

    /// Answers a member that asks who is present in its room.
    pub async fn show_room(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        request: PresenceRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.may_see_room(client, room).await?;
        self.answer_with_presence(client, room.into(), request, reply_to)
            .await
    }

    async fn answer_with_presence(
        &self,
        client: &Arc<Client>,
        topic: TopicName<'_>,
        request: PresenceRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        // The text is the client's own, so all of them together have a limit.
        timeout(self.options.publish_timeout, self.hub.large_reply_room())
            .await
            .map_err(|_elapsed| refuse_overloaded(topic))?;
        let encode = |presence: &Presence| -> Frame {
            let message = ServerMessage::Presence { topic, presence };
            self.dialect_of(client).message(&message, reply_to)
        };
        let answer = async {
            let (kind, name) = (topic.kind(), topic.name());
            match request {
                PresenceRequest::Connections => {
                    let presence = self.connections_listed(kind, name).await?;
                    self.hub.reply(client, encode(&presence)).await?;
                }
                PresenceRequest::Users => {
                    let of = (kind, name);
                    self.hub.reply_with_presence(client, of, encode).await?;
                }
                PresenceRequest::Counts => {
                    let counts = self.hub.presence_counts(kind, name);
                    let list = PresenceList::Unlisted;
                    let presence = Presence { list, counts };
                    self.hub.reply(client, encode(&presence)).await?;
                }
            }
            Ok(())
        };
        let answered = self.in_time(Unavailable::Overloaded, answer).await;
        answered.map_err(|error| refuse_unavailable(error, topic))
    }

    /// All connections that are present, unless they are more than users would be listed, or their list
    /// is larger.
    async fn connections_listed(
        &self,
        kind: TopicKind,
        name: &str,
    ) -> Result<Presence, Unavailable> {
        let counts = self.hub.presence_counts(kind, name);
        let options = self.hub.presence_options(kind, name);
        let max_bytes = self.hub.max_list_bytes();
        let max = options.map_or(0, |options| options.max_listed);
        let max = max.min(max_bytes / present_connection_bytes(None));
        let mut list = PresenceList::Unlisted;
        if counts.connections <= max {
            let clients = match self.hub.topic(kind, name) {
                // One more shows whether somebody has come meanwhile.
                Some(topic) => {
                    self.hub
                        .members(&topic, None, max.saturating_add(1))
                        .await?
                }
                None => Vec::new(),
            };
            let connections = clients.iter().map(|client| present_connection(client));
            let connections: Vec<_> = connections.collect();
            let users = connections.iter().map(|it| it.user.as_ref());
            let bytes: usize = users.map(present_connection_bytes).sum();
            if connections.len() <= max && bytes <= max_bytes {
                list = PresenceList::Connections(connections);
            }
        }
        Ok(Presence { list, counts })
    }

    /// A page of the users that are present, in the order of their arrival.
    ///
    /// Errors: a user `after` who is not present has no place in that order.
    pub fn present_users(
        &self,
        topic: TopicName<'_>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<PresentPage<PageItem>, PresenceError> {
        let (kind, name) = (topic.kind(), topic.name());
        self.keeps_presence(topic)?;
        let page = self.hub.present_users(kind, name, after, limit);
        let page = page.map_err(|NotPresent| PresenceError::NotPresent)?;
        let (total, more) = (page.counts.users, page.more);
        Ok(PresentPage {
            page: Page {
                items: page.items,
                total,
                more,
            },
            counts: page.counts,
        })
    }

    /// A page of the connections that are present, in the order in which they connected.
    ///
    /// Backpressure: waits while a shard with members is behind, at most for `publish_timeout`.
    pub async fn present_connections(
        &self,
        topic: TopicName<'_>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<PresentPage<PresentConnection>, PresenceError> {
        let (kind, name) = (topic.kind(), topic.name());
        self.keeps_presence(topic)?;
        let mut clients = match self.hub.topic(kind, name) {
            Some(topic) => {
                let members = self.hub.members(&topic, after, limit.saturating_add(1));
                let members = timeout_at(self.publish_deadline(), members).await;
                let members = members.map_err(|_elapsed| Unavailable::Overloaded)?;
                members.map_err(Unavailable::from)?
            }
            None => Vec::new(),
        };
        let counts = self.hub.presence_counts(kind, name);
        let more = clients.len() > limit;
        clients.truncate(limit);
        let items = clients.iter().map(|client| present_connection(client));
        Ok(PresentPage {
            page: Page {
                items: items.collect(),
                total: counts.connections,
                more,
            },
            counts,
        })
    }

    fn keeps_presence(&self, topic: TopicName<'_>) -> Result<(), PresenceError> {
        let options = self.hub.presence_options(topic.kind(), topic.name());
        options.map(drop).ok_or(PresenceError::NotKept)
    }

    /// What is shown of a client's user in a topic: what the token for that alone says, or else the
    /// client's own.
    pub(super) fn info_in(&self, client: &Client, topic: TopicName<'_>) -> Info {
        match topic {
            TopicName::Room(_) => info(client.identity().as_deref()),
            TopicName::Channel(channel) => {
                let identity = self.identity_in(client, channel);
                let says_nothing = |it: &Arc<Identity>| it.info().is_none();
                match identity.filter(|identity| !says_nothing(identity)) {
                    Some(identity) => Info::of(&identity),
                    None => info(client.identity().as_deref()),
                }
            }
        }
    }

    /// Brings what others are told about a client, and what it is told about them, in line with its new
    /// identity.
    pub(super) async fn renew_presence(&self, client: &Arc<Client>, topic: &Arc<Topic>) {
        let info = self.info_in(client, topic.full_name());
        self.hub.renew_info(client, topic, &info);
        if self.is_to_stop_watching(client, topic).await {
            // An error means that the hub has shut down.
            let _ = self.hub.stop_watching(client, topic).await;
        }
    }

    /// Whether a client is told who is present in a channel, and may no longer know it.
    pub(super) async fn loses_presence(&self, client: &Client, channel: &ChannelName) -> bool {
        match self.hub.topic(TopicKind::Channel, channel.as_str()) {
            Some(topic) => self.is_to_stop_watching(client, &topic).await,
            None => false,
        }
    }

    async fn is_to_stop_watching(&self, client: &Client, topic: &Topic) -> bool {
        topic.is_watched_by(client) && !self.may_still_see(client, topic).await
    }
}

fn info(identity: Option<&Identity>) -> Info {
    identity.map(Info::of).unwrap_or_default()
}

fn present_connection(client: &Client) -> PresentConnection {
    PresentConnection {
        client: client.id(),
        user: client.user(),
        since: client.since(),
    }
}

/// Bytes that a connection takes in a list, at most: every character of the user's id may be escaped.
fn present_connection_bytes(user: Option<&UserId>) -> usize {
    const UUID: usize = uuid::fmt::Hyphenated::LENGTH;
    const WITHOUT_USER: usize = r#"{"client":"","since":"2026-11-27T12:00:00.000Z"},"#.len() + UUID;
    WITHOUT_USER + user.map_or(0, |user| r#","user":"""#.len() + 2 * user.as_str().len())
}
