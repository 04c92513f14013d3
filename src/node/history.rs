//! Reading history, page by page.

use std::sync::Arc;

use tokio::time::timeout;

use super::Node;
use super::refusals::{refuse_closed, refuse_history, refuse_overloaded, refuse_unreadable};
use crate::dialect::{At, ClassId};
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
        let class = ClassId::NATIVE;
        let page = self.history_page(topic, class, request, MAX_PAGE_BYTES, None)?;
        let text = str::from_utf8(page.payload());
        text.map(str::to_owned)
            .map_err(|_| refuse_unreadable(topic))
    }

    fn history_page(
        &self,
        topic: TopicName<'_>,
        class: ClassId,
        request: HistoryRequest,
        max_bytes: usize,
        reply_to: Option<&Json>,
    ) -> Result<Frame, Refusal> {
        if topic.reaches_everyone() {
            return Err(refuse_history(topic));
        }
        let (kind, name) = (topic.kind(), topic.name());
        let history = self.hub.history(kind, name, request, max_bytes);
        let HistoryPage { top, page } = history.ok_or_else(|| refuse_history(topic))?;
        let forms = (page.first..).zip(&page.items).map(|(offset, kept)| {
            let epoch = &top.epoch;
            kept.form(class, At { offset, epoch })
        });
        let forms: Vec<Frame> = forms.collect();
        let items = forms.iter().map(Frame::payload).map(str::from_utf8);
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
        Ok(self.hub.dialects().of(class).message(&history, reply_to))
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
        let reply = self.history_page(topic, client.class(), request, max_bytes, reply_to)?;
        self.hub
            .reply(client, reply)
            .await
            .map_err(|HubClosed| refuse_closed(topic))
    }
}
