//! Server-sent events: the same stream for clients that cannot open a WebSocket.
//!
//! To the hub such a client is a client like any other, behind a pipe: the same topics,
//! order, outbox and eviction. A task reads the pipe's frames and writes them as text.

mod body;
mod connection;
mod event_stream;
mod handover;
mod open;
mod request;

#[cfg(feature = "internals")]
pub use event_stream::EventStream;
pub use handover::{Handover, Offer, Socket};
pub use open::open;
pub use request::SseRequest;
