//! Dialects: how each wire protocol says things. Encoding and parsing only: no sockets, no
//! tasks, no time source.

pub mod native;
pub mod sse;
mod table;

pub use table::Dialect;
