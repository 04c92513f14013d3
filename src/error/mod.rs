//! The errors of the library: one per operation, each with its causes.
//!
//! Each has a `code`, the same as over WebSocket and HTTP, and is a response of its own: an
//! axum handler may return it.

mod clients;
mod history;
mod response;
mod rooms;

pub use clients::{DisconnectError, SendError};
pub use history::HistoryError;
pub use rooms::{BroadcastError, JoinRoomError, LeaveRoomError};
