//! Handles to rooms and clients, for applications.

mod client;
mod room;

pub use client::ClientHandle;
pub use room::Room;
