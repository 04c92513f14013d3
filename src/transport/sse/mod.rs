//! Server-sent events: the same messages for clients that cannot open a WebSocket.
//!
//! For the hub, such a client is like any other, but behind a pipe: it has the same topics,
//! ordering, outbox and eviction. A task reads frames from the pipe and writes them as text.

mod body;
mod connection;
mod event_stream;
mod handover;
mod headers;
mod open;
mod request;
mod unavailable;

#[cfg(feature = "internals")]
pub use event_stream::EventStream;
pub use handover::{Handover, Offer};
pub use open::open;
pub use request::SseRequest;
pub use unavailable::{accepts_event_stream, unavailable};
