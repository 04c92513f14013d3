//! What an application holds of a server: rooms, channels, clients, and events to publish.

mod channel;
mod client;
mod event;
mod room;

pub use channel::Channel;
pub use client::ClientHandle;
pub use event::EventBuilder;
pub use room::Room;
