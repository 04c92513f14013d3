//! Dialects: how each wire protocol encodes messages.
//!
//! Encoding and parsing only: no sockets, no tasks, no clock.

mod builtin;
mod class;
pub mod native;
mod outgoing;
mod source;
pub mod sse;
mod stored;
mod table;

pub use class::ClassId;
pub use outgoing::{Encoded, Outgoing};
pub use source::{At, Source};
pub use table::{Dialect, Dialects};
