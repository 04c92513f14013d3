//! The refusals that the hub's errors become.

use super::unavailable::Unavailable;
use crate::hub::{HubClosed, JoinError, LeaveError};
use crate::protocol::{ErrorCode, Refusal, TopicKind, TopicName};

/// A refusal about a room or channel.
pub(super) fn refuse<'a>(code: ErrorCode, topic: impl Into<TopicName<'a>>) -> Refusal {
    Refusal::new(code).about(topic.into())
}

/// The refusal of a history that is not kept.
pub(super) fn refuse_history<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::NoHistory, topic)
}

/// The history contains what the reply cannot.
pub(super) fn refuse_unreadable<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::Internal, topic)
}

/// The refusal of a hub that has shut down.
pub(super) fn refuse_closed<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::Draining, topic)
}

/// The refusal of a message that was not sent.
pub(super) fn refuse_unavailable<'a>(
    error: Unavailable,
    topic: impl Into<TopicName<'a>>,
) -> Refusal {
    match error {
        Unavailable::Overloaded => refuse_overloaded(topic),
        Unavailable::Closed(HubClosed) => refuse_closed(topic),
    }
}

/// The refusal of a client that the hub did not let join.
pub(super) fn refuse_join<'a>(error: JoinError, topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(join_error_code(error), topic)
}

pub(super) fn join_error_code(error: JoinError) -> ErrorCode {
    match error {
        JoinError::Full => ErrorCode::RoomFull,
        JoinError::TooManyTopics => ErrorCode::TooManyTopics,
        JoinError::Disconnected => ErrorCode::NotFound,
        JoinError::Overloaded => ErrorCode::Overloaded,
        JoinError::Closed(HubClosed) => ErrorCode::Draining,
    }
}

/// Why something is not done now: the server has too much to do. It may be tried again.
pub(super) fn refuse_overloaded<'a>(topic: impl Into<TopicName<'a>>) -> Refusal {
    refuse(ErrorCode::Overloaded, topic)
}

/// The refusal of a client that the hub did not let leave.
pub(super) fn refuse_leave<'a>(error: LeaveError, topic: impl Into<TopicName<'a>>) -> Refusal {
    let topic = topic.into();
    let code = match (error, topic.kind()) {
        (LeaveError::NotAMember, TopicKind::Room) => ErrorCode::NotInRoom,
        (LeaveError::NotAMember, TopicKind::Channel) => ErrorCode::NotSubscribed,
        (LeaveError::Overloaded, _) => ErrorCode::Overloaded,
        (LeaveError::Closed(HubClosed), _) => ErrorCode::Draining,
    };
    refuse(code, topic)
}
