//! Rooms.

use uuid::Uuid;

use super::WebSocketServer;
use crate::error::{BroadcastError, HistoryError, JoinRoomError, LeaveRoomError};
use crate::handles::Room;
use crate::node::Page;
use crate::protocol::{HistoryRequest, Json, RoomName, ServerMessage, TopicKind, TopicName};

/// Rooms.
impl WebSocketServer {
    /// Makes a client a member of a room and returns the number of members.
    ///
    /// The client gets `joined`; the other members get `user_joined`. Joining again announces
    /// nothing. If no client has this id, one without a connection is created; it exists until
    /// [`cleanup_client`](Self::cleanup_client) removes it.
    ///
    /// Ordering: the client gets `joined` before anything else from the room.
    ///
    /// Backpressure: waits for room in the mailboxes of the shards that have members, at most for
    /// `publish.timeout`.
    pub async fn join_room(&self, room: &str, client_id: Uuid) -> Result<usize, JoinRoomError> {
        let room = RoomName::new(room)?;
        let client = self.node.client_or_detached(client_id)?;
        let joined = self.node.add_to_room(&client, &room).await;
        if joined.is_err() && !client.is_attached() && client.topics().is_empty() {
            // The client was created for this room only, and would never be removed. If the
            // cleanup fails too, the server is gone; the error of the join says more.
            let _ = self.cleanup_client(client_id).await;
        }
        Ok(joined?)
    }

    /// Ends a client's membership of a room. The client gets `left`; the other members get
    /// `user_left`.
    ///
    /// Ordering: the client gets nothing from the room after `left`.
    pub async fn leave_room(&self, room: &str, client_id: Uuid) -> Result<(), LeaveRoomError> {
        let room = RoomName::new(room)?;
        let client = self.node.client(client_id);
        let client = client.ok_or(LeaveRoomError::NotInRoom)?;
        Ok(self.node.try_leave(&client, &room, None).await?)
    }

    /// Sends a message to a room's members, except to the client `exclude`, and returns the
    /// number of members it was sent to: 0 if there is no such room.
    ///
    /// A [`ServerMessage::Message`] becomes part of the room's history, if it keeps one; any
    /// other message does not.
    ///
    /// Ordering: all members receive a room's messages in the same order.
    ///
    /// Backpressure: waits for room in the mailboxes of the shards that have members, at most for
    /// `publish.timeout`.
    pub async fn broadcast_to_room(
        &self,
        room: &str,
        message: ServerMessage<'_>,
        exclude: Option<Uuid>,
    ) -> Result<usize, BroadcastError> {
        let room = RoomName::new(room)?;
        let sent = self.node.broadcast_to_room(&room, &message, exclude);
        Ok(sent.await?)
    }

    /// The room of this name, if it has members or a history.
    pub fn room(&self, name: &str) -> Option<Room> {
        let topic = self.node.topic(TopicKind::Room, name)?;
        Some(Room::new(self.node.clone(), topic))
    }

    /// A page of the rooms that have members, sorted by name: the first `limit` after `after`.
    pub fn rooms(&self, after: Option<&str>, limit: usize) -> Page<Room> {
        let page = self.node.topics(TopicKind::Room, after, limit);
        page.map(|topic| Room::new(self.node.clone(), topic))
    }

    /// A page of a room's history, as `GET /api/rooms/{name}/history` returns it: at most
    /// 256 KiB, unless the first message alone is larger.
    pub fn room_history(&self, room: &str, request: HistoryRequest) -> Result<Json, HistoryError> {
        let room = RoomName::new(room).map_err(HistoryError::InvalidRoom)?;
        self.history(TopicName::from(&room), request)
    }

    pub(super) fn history(
        &self,
        topic: TopicName<'_>,
        request: HistoryRequest,
    ) -> Result<Json, HistoryError> {
        let page = self.node.history(topic, request);
        page.map(Json::from_text).map_err(HistoryError::from)
    }
}
