//! What clients, backends and the server say to each other, independent of its encoding: names,
//! commands, events, messages, positions, and the tables of error and close codes.
//!
//! Data only: no sockets, no tasks, no clock.

mod close_code;
mod command;
mod error_code;
mod event;
mod event_data;
mod event_id;
mod excerpt;
mod gap;
mod history_request;
mod identity;
mod json;
#[cfg(feature = "auth")]
mod json_members;
mod json_scan;
mod names;
#[cfg_attr(
    not(any(feature = "auth", feature = "internals")),
    allow(dead_code, reason = "only rights know a user")
)]
mod pattern;
mod percent_encoding;
mod position;
mod presence;
mod problem;
mod publish_request;
mod refusal;
mod server_message;
mod suggest;
mod timestamp;
mod token;
mod topic;
mod topic_message;

pub use close_code::CloseCode;
pub use command::{ClientMessage, Command, RefusedCommand};
pub use error_code::ErrorCode;
pub use event::{Event, EventName};
pub use event_data::EventData;
pub use event_id::EventId;
pub(crate) use excerpt::{NAME_CHARS, excerpt};
pub use gap::Gap;
pub use history_request::{Direction, HistoryRequest};
pub use identity::Identity;
pub use json::{Json, JsonError};
pub(crate) use json::{push_string, unescape};
#[cfg(feature = "auth")]
pub(crate) use json_members::{elements, members};
pub(crate) use json_scan::{Shape, WHITE_SPACE, scan_value};
pub use names::{ChannelName, NameError, RoomName, UserId};
pub(crate) use names::{user_channel, user_of};
pub use pattern::Pattern;
#[cfg(any(feature = "auth", feature = "internals"))]
pub use pattern::PatternError;
pub(crate) use percent_encoding::{NOT_TEXT, decodes_to_text, percent_decoded};
pub use position::{Position, ResumeRequest, Resumption, StreamTop, Unrecovered};
pub use presence::{
    Presence, PresenceCounts, PresenceList, PresenceRequest, PresentConnection, PresentUser,
};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem};
pub use publish_request::{InvalidTarget, PublishRequest, Target};
pub use refusal::{Refusal, Subject};
pub use server_message::{EndReason, ServerMessage};
#[cfg(feature = "auth")]
pub(crate) use suggest::did_you_mean_or;
pub(crate) use suggest::{did_you_mean, nearest};
pub use timestamp::{timestamp, timestamp_seconds};
pub use token::Token;
pub use topic::{TopicKind, TopicName};
pub use topic_message::TopicMessage;
