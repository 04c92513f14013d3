//! Handles to the rooms, channels and clients of a server, and the builder of events.

mod channel;
mod client;
mod event;
mod room;

pub use channel::Channel;
pub use client::ClientHandle;
pub use event::EventBuilder;
pub use room::Room;
