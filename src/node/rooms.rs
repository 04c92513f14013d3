//! Rooms: two-way groups whose membership is limited and announced.

use std::sync::Arc;

use super::history::resumed;
use super::{Node, Refusal, encode, refusal_of_leave};
use crate::hub::{Accepted, Client, HubClosed, Joining, Resumption, Topic, TopicKind};
use crate::protocol::{ErrorCode, ErrorSubject, Json, Resume, RoomName, ServerMessage};
use crate::wire::Frame;

impl Node {
    /// Makes the client a member and returns how many there are. The client gets
    /// `joined` and what it wants of the past, the others `user_joined`; joining twice is announced once.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        resume: Option<&Resume>,
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
        let ack = |members, resumption: Option<&Resumption>| {
            let joined = ServerMessage::Joined {
                room: name,
                members,
                resumed: resumption.map(resumed),
            };
            Some(encode(&joined, reply_id))
        };
        let joining = Joining {
            max_members: self.options.max_clients_per_room,
            resume,
            announce: Some(&announce),
        };
        self.hub
            .join(client, TopicKind::Room, room.as_shared(), joining, ack)
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

    /// Sends what a member says to all other members. With an `id` it is told when that is
    /// done, in the place where the message would stand.
    pub async fn say(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        content: &Json,
        reply_id: Option<&Json>,
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
        let ack = |accepted: &Accepted| {
            let sent = ServerMessage::Sent {
                room: room.as_str(),
                offset: accepted.position.as_ref().map(|newest| newest.offset),
            };
            reply_id.map(|id| encode(&sent, Some(id)))
        };
        let text = message.to_json().into();
        self.hub
            .publish(TopicKind::Room, room.as_shared(), &text, Some(client), ack)
            .await
            .map(drop)
            .map_err(|HubClosed| about(room, ErrorCode::Draining))
    }

    /// Broadcasts to a room's members and returns how many it went to. A message is
    /// published, so it is part of the room's history; other notices are not.
    pub async fn broadcast_to_room(
        &self,
        room: &RoomName,
        message: &ServerMessage<'_>,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, HubClosed> {
        if matches!(message, ServerMessage::Message { .. }) {
            let (name, text) = (room.as_shared(), message.to_json().into());
            let accepted = self
                .hub
                .publish(TopicKind::Room, name, &text, exclude, |_| None);
            return Ok(accepted.await?.members);
        }
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

pub(super) fn about(room: &RoomName, code: ErrorCode) -> Refusal {
    Refusal {
        code,
        subject: ErrorSubject::Room(room.as_str().into()),
    }
}
