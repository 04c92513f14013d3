//! Who may do what: the only place where the node refuses.

use std::sync::Arc;

use super::Node;
use crate::hub::{Client, HubClosed, JoinError, LeaveError, Topic};
use crate::protocol::{ChannelName, ErrorCode, Refusal, RoomName, TopicKind, TopicName};

impl Node {
    /// Checks that one more connection is welcome.
    pub fn admit_connection(&self) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(ErrorCode::Draining.into());
        }
        let max = self.options.max_connections;
        if max > 0 && self.hub.links() >= max {
            return Err(ErrorCode::TooManyConnections.into());
        }
        Ok(())
    }

    /// The server's own channels can be subscribed to only by their audience.
    pub(super) fn may_subscribe(client: &Client, channel: &ChannelName) -> Result<(), Refusal> {
        let own = channel.reaches_everyone() || channel.user() == client.user();
        if channel.is_reserved() && !own {
            return Err(refuse(ErrorCode::Forbidden, channel));
        }
        Ok(())
    }

    /// Nobody can unsubscribe from the server's own channels.
    pub(super) fn may_unsubscribe(channel: &ChannelName) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return Err(refuse(ErrorCode::Forbidden, channel));
        }
        Ok(())
    }

    /// A client may read the history of a channel that it may subscribe to.
    pub(super) fn may_read_channel(client: &Client, channel: &ChannelName) -> Result<(), Refusal> {
        Self::may_subscribe(client, channel)
    }

    /// Only members read a room's history and send messages to it.
    pub(super) fn member_of(
        &self,
        client: &Client,
        room: &RoomName,
    ) -> Result<Arc<Topic>, Refusal> {
        let topic = self.hub.topic(TopicKind::Room, room.as_str());
        topic
            .filter(|topic| client.is_member(topic))
            .ok_or_else(|| refuse(ErrorCode::NotInRoom, room))
    }
}

/// A refusal about a room or channel.
pub(super) fn refuse<'a>(code: ErrorCode, topic: impl Into<TopicName<'a>>) -> Refusal {
    Refusal::new(code).about(topic.into())
}

/// Why the hub did not let a client join.
pub(super) fn refuse_join<'a>(error: JoinError, topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(join_error_code(error), topic)
}

/// The code of a client that the hub did not take.
pub(super) fn join_error_code(error: JoinError) -> ErrorCode {
    match error {
        JoinError::Full => ErrorCode::RoomFull,
        JoinError::TooManyTopics => ErrorCode::TooManyTopics,
        JoinError::Disconnected => ErrorCode::NotFound,
        JoinError::Closed(HubClosed) => ErrorCode::Draining,
    }
}

/// Why the hub did not let a client leave.
pub(super) fn refuse_leave<'a>(error: LeaveError, topic: impl Into<TopicName<'a>>) -> Refusal {
    let topic = topic.into();
    let code = match (error, topic.kind()) {
        (LeaveError::NotAMember, TopicKind::Room) => ErrorCode::NotInRoom,
        (LeaveError::NotAMember, TopicKind::Channel) => ErrorCode::NotSubscribed,
        (LeaveError::Closed(HubClosed), _) => ErrorCode::Draining,
    };
    refuse(code, topic)
}
