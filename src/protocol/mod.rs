//! What is said on the wire, without saying how it travels: names, commands, events,
//! messages, and the tables of error and close codes.
//!
//! Pure data. Knows nothing of sockets, tasks or time sources.

mod client_message;
mod close;
mod error;
mod event;
mod json;
mod names;
mod position;
mod problem;
mod publish_request;
mod server_message;

pub use client_message::{ClientMessage, Command, CommandError, parse_commands};
pub use close::CloseCode;
pub use error::ErrorCode;
pub use event::{Event, EventData, EventId, timestamp};
pub use json::{Json, JsonError};
pub use names::{ChannelName, NameError, RoomName, UserId};
pub use position::{
    Direction, HistoryRequest, Position, Resume, Resumed, Unrecovered, with_offset,
};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use publish_request::{
    PublishRequest, RequestError, Target, parse_publish_batch, parse_publish_request,
};
pub use server_message::{ErrorSubject, ServerMessage, TopicName};
