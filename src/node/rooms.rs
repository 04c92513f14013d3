//! Rooms: two-way groups whose membership is limited and announced.

use std::sync::Arc;

use super::Node;
use super::access::{refuse_closed, refuse_join, refuse_leave};
use super::policy::Terms;
use crate::dialect::native::encode;
use crate::hub::{Accepted, Client, HubClosed, JoinError, JoinOptions, LeaveError, Topic};
use crate::protocol::{
    Json, Refusal, ResumeRequest, Resumption, RoomName, ServerMessage, TopicKind,
};
use crate::wire::Frame;

impl Node {
    /// Makes the client a member of the room, and returns the number of members. The client
    /// gets `joined` and what its resume request asks for; the other members get
    /// `user_joined`. Joining again announces nothing.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        resume: Option<&ResumeRequest>,
        reply_to: Option<&Json>,
    ) -> Result<usize, Refusal> {
        let terms = self.may_join(client, room, resume).await?;
        self.join_on(terms, client, room, resume, reply_to)
            .await
            .map_err(|error| refuse_join(error, room))
    }

    /// Makes the client a member on behalf of the application: the policy is not asked.
    pub async fn add_to_room(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
    ) -> Result<usize, JoinError> {
        self.join_on(Terms::default(), client, room, None, None)
            .await
    }

    async fn join_on(
        &self,
        terms: Terms,
        client: &Arc<Client>,
        room: &RoomName,
        resume: Option<&ResumeRequest>,
        reply_to: Option<&Json>,
    ) -> Result<usize, JoinError> {
        let (resume, unrecovered) = terms.apply(resume);
        let name = room.as_str();
        let user_id = &client.display_name();
        let announce = encode(
            &ServerMessage::UserJoined {
                room: name,
                user_id,
            },
            None,
        );
        let ack = |members, resumption: Option<&Resumption>| {
            let joined = ServerMessage::Joined {
                room: name,
                members,
                resumption: resumption.or(unrecovered.as_ref()),
            };
            Some(encode(&joined, reply_to))
        };
        let options = JoinOptions {
            max_members: self.options.max_clients_per_room,
            resume,
            announce: Some(&announce),
        };
        self.hub
            .join(client, TopicKind::Room, room.as_shared(), options, ack)
            .await
    }

    /// Ends the client's membership. The client gets `left`; the other members get
    /// `user_left`.
    pub async fn leave(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.try_leave(client, room, reply_to)
            .await
            .map_err(|error| refuse_leave(error, room))
    }

    /// Like [`leave`](Self::leave), with the hub's own error.
    pub async fn try_leave(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        reply_to: Option<&Json>,
    ) -> Result<(), LeaveError> {
        let name = room.as_str();
        let ack = encode(&ServerMessage::Left { room: name }, reply_to);
        let announce = user_left(client, name);
        self.hub
            .leave(client, TopicKind::Room, name, Some(&ack), Some(&announce))
            .await
    }

    /// Sends a member's message to all other members. If the command has an `id`, the sender
    /// gets `sent` in place of the message.
    pub async fn say(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        content: &Json,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        let changed = self.may_say(client, room, content).await?;
        let content = changed.as_ref().unwrap_or(content);
        let message = ServerMessage::Message {
            room: room.as_str(),
            from: &client.display_name(),
            content,
        };
        let ack = |accepted: &Accepted| {
            let sent = ServerMessage::Sent {
                room: room.as_str(),
                offset: accepted.position.as_ref().map(|top| top.offset),
            };
            reply_to.map(|id| encode(&sent, Some(id)))
        };
        let (kind, name) = (TopicKind::Room, room.as_shared());
        let text = message.to_json().into();
        self.hub
            .publish(kind, name, &text, Some(client), ack)
            .await
            .map(drop)
            .map_err(|HubClosed| refuse_closed(room))
    }

    /// Broadcasts to a room's members and returns the number of members it was sent to. A
    /// `message` is published, so it becomes part of the room's history; any other message
    /// does not.
    pub async fn broadcast_to_room(
        &self,
        room: &RoomName,
        message: &ServerMessage<'_>,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, HubClosed> {
        let (kind, name) = (TopicKind::Room, room.as_shared());
        if matches!(message, ServerMessage::Message { .. }) {
            let text = message.to_json().into();
            let accepted = self.hub.publish(kind, name, &text, exclude, |_| None);
            return Ok(accepted.await?.members);
        }
        let frame = encode(message, None);
        self.hub.broadcast(kind, name, &frame, exclude).await
    }
}

/// What the other members of a topic get when the client disconnects.
pub(super) fn departure_notice(client: &Client, topic: &Topic) -> Option<Frame> {
    match topic.kind() {
        TopicKind::Room => Some(user_left(client, topic.name())),
        TopicKind::Channel => None,
    }
}

fn user_left(client: &Client, room: &str) -> Frame {
    let user_id = &client.display_name();
    encode(&ServerMessage::UserLeft { room, user_id }, None)
}
