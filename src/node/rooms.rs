//! Rooms: two-way groups whose membership is limited and announced.

use std::sync::Arc;

use uuid::Uuid;

use super::Node;
use super::policy::Terms;
use super::refusals::{refuse_join, refuse_leave, refuse_unavailable};
use super::unavailable::Unavailable;
use crate::dialect::Encoded;
use crate::hub::{Accepted, Client, JoinError, JoinOptions, Joined, LeaveError, Topic};
use crate::protocol::{
    Json, Refusal, ResumeRequest, RoomName, ServerMessage, TopicKind, TopicMessage,
};

impl Node {
    /// Makes the client a member of the room, and returns the number of members. The client
    /// gets `joined` and what its resume request asks for; the other members get
    /// `user_joined` if it is the first connection of its user. Joining again announces nothing.
    pub async fn join(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        resume: Option<&ResumeRequest>,
        reply_to: Option<&Json>,
    ) -> Result<usize, Refusal> {
        self.join_and_watch(client, room, (resume, None), reply_to)
            .await
    }

    /// The same, and tells the client from now on who is present, or no longer. `None` changes nothing.
    pub async fn join_and_watch(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
        (resume, watches): (Option<&ResumeRequest>, Option<bool>),
        reply_to: Option<&Json>,
    ) -> Result<usize, Refusal> {
        let terms = self
            .may_join(client, room, resume, watches == Some(true))
            .await?;
        self.join_on(terms, client, room, (resume, watches), reply_to)
            .await
            .map_err(|error| refuse_join(error, room))
    }

    /// Makes the client a member on behalf of the application: the policy is not asked.
    pub async fn add_to_room(
        &self,
        client: &Arc<Client>,
        room: &RoomName,
    ) -> Result<usize, JoinError> {
        self.join_on(Terms::default(), client, room, (None, None), None)
            .await
    }

    async fn join_on(
        &self,
        terms: Terms,
        client: &Arc<Client>,
        room: &RoomName,
        (resume, watches): (Option<&ResumeRequest>, Option<bool>),
        reply_to: Option<&Json>,
    ) -> Result<usize, JoinError> {
        let (resume, unrecovered) = terms.apply(resume);
        let name = room.as_str();
        let announce = self.outgoing(TopicMessage::UserJoined {
            room: room.as_shared().clone(),
            user_id: client.display_name().into(),
        });
        let dialect = self.dialect_of(client);
        let info = self.info_in(client, room.into());
        let ack = |joined: Joined<'_>| {
            let joined = ServerMessage::Joined {
                room: name,
                members: joined.members,
                resumption: joined.resumption.or(unrecovered.as_ref()),
                presence: joined.present,
            };
            Some(dialect.message(&joined, reply_to))
        };
        let options = JoinOptions {
            max_members: self.options.max_clients_per_room,
            resume,
            announce: Some(&announce),
            info: Some(&info),
            watches,
        };
        let (kind, name) = (TopicKind::Room, room.as_shared());
        let join = self.hub.join_and_tell(client, kind, name, options, ack);
        self.in_time(JoinError::Overloaded, join).await
    }

    /// Ends the client's membership. The client gets `left`; the other members get
    /// `user_left` if it was the last connection of its user.
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
        let left = ServerMessage::Left {
            room: name,
            reason: None,
        };
        let ack = self.dialect_of(client).message(&left, reply_to);
        let announce = self.outgoing(user_left(client, room.as_shared()));
        let leave = self
            .hub
            .leave(client, TopicKind::Room, name, Some(&ack), Some(&announce));
        self.in_time(LeaveError::Overloaded, leave).await
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
        let message = self.outgoing(TopicMessage::Message {
            room: room.as_shared().clone(),
            from: client.display_name().into(),
            content: content.clone(),
        });
        let dialect = self.dialect_of(client);
        let ack = |accepted: &Accepted| {
            let sent = ServerMessage::Sent {
                room: room.as_str(),
                offset: accepted.position.as_ref().map(|top| top.offset),
            };
            reply_to.map(|id| dialect.message(&sent, Some(id)))
        };
        let (kind, name) = (TopicKind::Room, room.as_shared());
        let publish = async {
            let origin = Some(client.id());
            self.hub.introduce(kind, name, client).await?;
            let accepted = self.hub.publish(kind, name, &message, origin, ack);
            Ok(accepted.await?)
        };
        let published = self.in_time(Unavailable::Overloaded, publish).await;
        published
            .map(drop)
            .map_err(|error| refuse_unavailable(error, room))
    }

    /// Broadcasts to a room's members and returns the number of members it was sent to. A
    /// `message` is published, so it becomes part of the room's history; any other message
    /// does not.
    pub async fn broadcast_to_room(
        &self,
        room: &RoomName,
        message: &ServerMessage<'_>,
        exclude: Option<Uuid>,
    ) -> Result<usize, Unavailable> {
        let (kind, name) = (TopicKind::Room, room.as_shared());
        let sent = async {
            if let ServerMessage::Message {
                room,
                from,
                content,
            } = *message
            {
                let message = self.outgoing(TopicMessage::Message {
                    room: room.into(),
                    from: from.into(),
                    content: content.clone(),
                });
                let accepted = self.hub.publish(kind, name, &message, exclude, |_| None);
                return Ok(accepted.await?.members);
            }
            let notice = Encoded::source(self.hub.dialects(), message);
            Ok(self.hub.broadcast(kind, name, &notice, exclude).await?)
        };
        self.in_time(Unavailable::Overloaded, sent).await
    }
}

/// What the other members of a topic get when the client disconnects.
pub(super) fn departure_notice(client: &Client, topic: &Topic) -> Option<TopicMessage> {
    match topic.kind() {
        TopicKind::Room => Some(user_left(client, topic.name())),
        TopicKind::Channel => None,
    }
}

fn user_left(client: &Client, room: &Arc<str>) -> TopicMessage {
    TopicMessage::UserLeft {
        room: room.clone(),
        user_id: client.display_name().into(),
    }
}
