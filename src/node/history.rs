//! Reading a part of the past.

use std::sync::Arc;

use super::{Node, Refusal, channels, rooms};
use crate::hub::{Client, HistoryPage, HubClosed, Resumption, TopicKind};
use crate::protocol::{
    ChannelName, ErrorCode, HistoryRequest, Json, Resumed, RoomName, ServerMessage, TopicName,
};
use crate::wire::Frame;

/// Bytes of one page of history, unless its first publication alone is larger. Over a
/// connection also at most a quarter of an outbox, like a page of a replay.
const MAX_PAGE_BYTES: usize = 256 * 1024;

impl Node {
    /// A part of a room's or channel's history as one JSON object. `None` when none is kept.
    pub fn history(&self, topic: TopicName<'_>, request: HistoryRequest) -> Option<String> {
        self.history_reply(topic, request, MAX_PAGE_BYTES, None)
    }

    fn history_reply(
        &self,
        topic: TopicName<'_>,
        request: HistoryRequest,
        max_bytes: usize,
        id: Option<&Json>,
    ) -> Option<String> {
        if topic.reaches_everyone() {
            return None;
        }
        let (kind, name) = match topic {
            TopicName::Room(name) => (TopicKind::Room, name),
            TopicName::Channel(name) => (TopicKind::Channel, name),
        };
        let HistoryPage { newest, page } = self.hub.history(kind, name, request, max_bytes)?;
        let items = page.items.iter().map(Frame::payload);
        let items: Vec<&str> = items.filter_map(|item| str::from_utf8(item).ok()).collect();
        let history = ServerMessage::History {
            topic,
            newest: (newest.offset, &newest.epoch),
            items: &items,
            more: page.more,
        };
        Some(history.to_reply(id))
    }

    /// Answers with a part of a channel's history. Whoever may subscribe may read it.
    pub async fn read_channel(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        request: HistoryRequest,
        id: Option<&Json>,
    ) -> Result<(), Refusal> {
        let foreign = channel.is_reserved() && channel.user() != client.user();
        if foreign && !channel.reaches_everyone() {
            return Err(channels::about(channel, ErrorCode::Forbidden));
        }
        let topic = TopicName::Channel(channel.as_str());
        self.answer_with_history(client, topic, request, id)
            .await
            .map_err(|code| channels::about(channel, code))
    }

    /// Answers a member with a part of a room's history.
    pub async fn read_room(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        request: HistoryRequest,
        id: Option<&Json>,
    ) -> Result<(), Refusal> {
        let topic = self.hub.topic(TopicKind::Room, room.as_str());
        if !topic.is_some_and(|topic| client.is_member(&topic)) {
            return Err(rooms::about(room, ErrorCode::NotInRoom));
        }
        let topic = TopicName::Room(room.as_str());
        self.answer_with_history(client, topic, request, id)
            .await
            .map_err(|code| rooms::about(room, code))
    }

    async fn answer_with_history(
        &self,
        client: &Arc<Client>,
        topic: TopicName<'_>,
        request: HistoryRequest,
        id: Option<&Json>,
    ) -> Result<(), ErrorCode> {
        let max_bytes = MAX_PAGE_BYTES.min(self.hub.outbox_max_bytes() / 4);
        let reply = self.history_reply(topic, request, max_bytes, id);
        let reply = reply.ok_or(ErrorCode::NoHistory)?;
        self.hub
            .send(client, Frame::text(reply.into()))
            .await
            .map_err(|HubClosed| ErrorCode::Draining)
    }
}

pub(super) fn resumed(resumption: &Resumption) -> Resumed<'_> {
    let newest = resumption.newest.as_ref();
    Resumed {
        newest: newest.map(|newest| (newest.offset, &*newest.epoch)),
        recovered: resumption.recovered,
        replayed: resumption.replayed,
    }
}
