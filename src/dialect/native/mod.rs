//! The native dialect: JSON in text frames, as described in `docs/PROTOCOL.md`.

mod commands;
mod event_data;
mod frames;
mod messages;
mod parser;
mod publish_request;

pub use commands::parse_commands;
#[cfg(feature = "internals")]
pub use event_data::text_data;
pub use event_data::{parse_event_data, shutdown_notice};
pub use frames::{Native, encode};
pub use publish_request::{parse_publish_batch, parse_publish_request};
