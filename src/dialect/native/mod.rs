//! The native dialect: JSON in text frames, as described in `docs/PROTOCOL.md`.

mod commands;
mod envelope;
mod event_data;
mod frames;
mod messages;
mod parser;
mod presence;
mod publish_request;
#[cfg(feature = "internals")]
mod text;

#[cfg(any(test, feature = "internals"))]
pub use commands::parse_commands;
pub use commands::parse_some_commands;
#[cfg(feature = "internals")]
pub use event_data::text_data;
pub use event_data::{expiry_notice, shutdown_notice};
pub use frames::{Native, with_offset};
pub use publish_request::{parse_publish_batch, parse_publish_request};
#[cfg(feature = "internals")]
pub use text::NativeText;
