//! Dialects: how each wire protocol encodes messages.
//!
//! Encoding and parsing only: no sockets, no tasks, no clock.

pub mod native;
pub mod sse;
mod table;

pub use table::Dialect;
