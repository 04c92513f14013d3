//! Reading history, page by page.

use std::sync::Arc;

use tokio::time::timeout;

use super::Node;
use super::access::{refuse_closed, refuse_history, refuse_overloaded, refuse_unreadable};
use crate::hub::{Client, HistoryPage, HubClosed};
use crate::protocol::{
    ChannelName, HistoryRequest, Json, Refusal, RoomName, ServerMessage, TopicName,
};
use crate::wire::Frame;

/// Maximum size of a page of history, unless its first publication alone is larger. Over a
/// connection, a page also takes at most a quarter of the outbox, as in a replay.
const MAX_PAGE_BYTES: usize = 256 * 1024;

impl Node {
    /// A page of a room's or channel's history as one JSON object.
    pub fn history(
        &self,
        topic: TopicName<'_>,
        request: HistoryRequest,
    ) -> Result<String, Refusal> {
        self.history_reply(topic, request, MAX_PAGE_BYTES, None)
    }

    fn history_reply(
        &self,
        topic: TopicName<'_>,
        request: HistoryRequest,
        max_bytes: usize,
        reply_to: Option<&Json>,
    ) -> Result<String, Refusal> {
        if topic.reaches_everyone() {
            return Err(refuse_history(topic));
        }
        let (kind, name) = (topic.kind(), topic.name());
        let history = self.hub.history(kind, name, request, max_bytes);
        let HistoryPage { top, page } = history.ok_or_else(|| refuse_history(topic))?;
        let items = page.items.iter().map(Frame::payload).map(str::from_utf8);
        // A page without some of its items would look complete.
        let items: Vec<&str> = items.collect::<Result<_, _>>().map_err(|error| {
            tracing::error!(?topic, %error, "a history contains what is not text");
            refuse_unreadable(topic)
        })?;
        let history = ServerMessage::History {
            topic,
            top: &top,
            items: &items,
            more: page.more,
        };
        Ok(history.to_reply(reply_to))
    }

    /// Answers a client with a page of a channel's history.
    pub async fn read_channel(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        request: HistoryRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.may_read_channel(client, channel).await?;
        self.answer_with_history(client, channel.into(), request, reply_to)
            .await
    }

    /// Answers a member with a page of a room's history.
    pub async fn read_room(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        request: HistoryRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.may_read_room(client, room).await?;
        self.answer_with_history(client, room.into(), request, reply_to)
            .await
    }

    async fn answer_with_history(
        &self,
        client: &Arc<Client>,
        topic: TopicName<'_>,
        request: HistoryRequest,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        // The text is the client's own, so all of them together have a limit.
        timeout(self.options.publish_timeout, self.hub.large_reply_room())
            .await
            .map_err(|_elapsed| refuse_overloaded(topic))?;
        let max_bytes = MAX_PAGE_BYTES.min(self.hub.outbox_max_bytes() / 4);
        let reply = self.history_reply(topic, request, max_bytes, reply_to)?;
        self.hub
            .reply(client, Frame::text(reply.into()))
            .await
            .map_err(|HubClosed| refuse_closed(topic))
    }
}
