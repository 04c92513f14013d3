//! Channels and publishing.

use serde::Serialize;

use super::WebSocketServer;
use crate::error::HistoryError;
use crate::handles::{Channel, EventBuilder};
use crate::node::{Page, PublishError, Published};
use crate::protocol::{ChannelName, HistoryRequest, Json, TopicKind, TopicName};

/// Channels and events.
impl WebSocketServer {
    /// Publishes an event to a channel.
    ///
    /// Short for `self.event(channel).data(data).send()`: see [`EventBuilder::send`].
    pub async fn publish<T: Serialize + ?Sized>(
        &self,
        channel: &str,
        data: &T,
    ) -> Result<Published, PublishError> {
        self.event(channel).data(data).send().await
    }

    /// Builds an event for the subscribers of a channel.
    pub fn event(&self, channel: &str) -> EventBuilder {
        self.event_for_channels([channel])
    }

    /// Builds an event for the subscribers of 1 to 1000 channels. It is published to each
    /// channel in turn, so a client that is subscribed to several receives it several times,
    /// with the same id.
    pub fn event_for_channels(
        &self,
        channels: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> EventBuilder {
        EventBuilder::for_channels(self.node.clone(), channels)
    }

    /// Builds an event for every connection of a user, on the channel `$user:<id>`. They
    /// receive it without subscribing.
    pub fn event_for_user(&self, user: &str) -> EventBuilder {
        EventBuilder::for_user(self.node.clone(), user)
    }

    /// Builds an event for every connection, on the channel `$all`. They receive it without
    /// subscribing.
    pub fn event_for_everyone(&self) -> EventBuilder {
        EventBuilder::for_everyone(self.node.clone())
    }

    /// The channel of this name, if it has subscribers or a history.
    pub fn channel(&self, name: &str) -> Option<Channel> {
        let topic = self.node.topic(TopicKind::Channel, name)?;
        Some(Channel::new(topic))
    }

    /// A page of the channels that have subscribers, sorted by name: the first `limit` after
    /// `after`. The server's own channels (`$…`) are left out.
    pub fn channels(&self, after: Option<&str>, limit: usize) -> Page<Channel> {
        let page = self.node.topics(TopicKind::Channel, after, limit);
        page.map(Channel::new)
    }

    /// A page of a channel's history, as `GET /api/channels/{name}/history` returns it: at most
    /// 256 KiB, unless the first event alone is larger.
    pub fn channel_history(
        &self,
        channel: &str,
        request: HistoryRequest,
    ) -> Result<Json, HistoryError> {
        let channel = ChannelName::new(channel).map_err(HistoryError::InvalidChannel)?;
        self.history(TopicName::from(&channel), request)
    }
}
