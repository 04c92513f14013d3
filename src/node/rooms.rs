//! Rooms: two-way groups whose membership is limited and announced.

use std::sync::Arc;

use super::{Node, Refusal, encode, refusal_of_leave};
use crate::hub::{Client, HubClosed, Topic, TopicKind};
use crate::protocol::{ErrorCode, ErrorSubject, Json, RoomName, ServerMessage};
use crate::wire::Frame;

impl Node {
    /// Makes the client a member and returns how many there are. The client gets
    /// `joined`, the others `user_joined`; joining twice is announced once.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        reply_id: Option<&Json>,
    ) -> Result<usize, Refusal> {
        let name = room.as_str();
        let announce = encode(
            &ServerMessage::UserJoined {
                room: name,
                user_id: &client.display_name(),
            },
            None,
        );
        let ack = |members| {
            let joined = ServerMessage::Joined {
                room: name,
                members,
            };
            Some(encode(&joined, reply_id))
        };
        self.hub
            .join(
                client,
                TopicKind::Room,
                room.as_shared(),
                self.options.max_clients_per_room,
                ack,
                Some(&announce),
            )
            .await
            .map_err(|error| about(room, error.into()))
    }

    /// Ends the client's membership: it gets `left`, the others `user_left`.
    pub async fn leave(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        reply_id: Option<&Json>,
    ) -> Result<(), Refusal> {
        let name = room.as_str();
        let ack = encode(&ServerMessage::Left { room: name }, reply_id);
        let announce = user_left(client, name);
        self.hub
            .leave(client, TopicKind::Room, name, Some(&ack), Some(&announce))
            .await
            .map_err(|error| about(room, refusal_of_leave(error, ErrorCode::NotInRoom)))
    }

    /// Sends what a member says to all other members.
    pub async fn say(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        content: &Json,
    ) -> Result<(), Refusal> {
        let topic = self
            .hub
            .topic(TopicKind::Room, room.as_str())
            .filter(|topic| client.is_member(topic))
            .ok_or_else(|| about(room, ErrorCode::NotInRoom))?;
        let message = ServerMessage::Message {
            room: topic.name(),
            from: &client.display_name(),
            content,
        };
        self.broadcast_to_room(room, &message, Some(client))
            .await
            .map(drop)
            .map_err(|HubClosed| about(room, ErrorCode::Draining))
    }

    /// Broadcasts a message to a room's members and returns how many it went to.
    pub async fn broadcast_to_room(
        &self,
        room: &RoomName,
        message: &ServerMessage<'_>,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, HubClosed> {
        let frame = encode(message, None);
        self.hub
            .broadcast(TopicKind::Room, room.as_str(), &frame, exclude)
            .await
    }
}

pub(super) fn announce_departure(client: &Client, topic: &Topic) -> Option<Frame> {
    match topic.kind() {
        TopicKind::Room => Some(user_left(client, topic.name())),
        TopicKind::Channel => None,
    }
}

fn user_left(client: &Client, room: &str) -> Frame {
    let user_id = &client.display_name();
    encode(&ServerMessage::UserLeft { room, user_id }, None)
}

fn about(room: &RoomName, code: ErrorCode) -> Refusal {
    Refusal {
        code,
        subject: ErrorSubject::Room(room.as_str().into()),
    }
}
