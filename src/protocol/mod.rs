//! What clients, backends and the server say to each other, independent of its encoding: names,
//! commands, events, messages, positions, and the tables of error and close codes.
//!
//! Data only: no sockets, no tasks, no clock.

mod close_code;
mod command;
mod error_code;
mod event;
mod gap;
mod history_request;
mod identity;
mod json;
mod names;
mod position;
mod problem;
mod publish_request;
mod refusal;
mod server_message;
mod topic;

pub use close_code::CloseCode;
pub use command::{ClientMessage, Command, RefusedCommand};
pub use error_code::ErrorCode;
pub use event::{Event, EventData, EventId, EventName, timestamp};
pub use gap::Gap;
pub use history_request::{Direction, HistoryRequest};
pub use identity::Identity;
pub(crate) use json::push_string;
pub use json::{Json, JsonError};
pub use names::{ChannelName, NameError, RoomName, UserId};
pub use position::{Position, ResumeRequest, Resumption, StreamTop, Unrecovered};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use publish_request::{InvalidTarget, PublishRequest, Target};
pub use refusal::{Refusal, Subject};
pub use server_message::ServerMessage;
pub use topic::{TopicKind, TopicName};
