//! The errors of the library: one enum per operation, with a variant per cause.
//!
//! Each has a `code`, the same as over WebSocket and HTTP, and an axum handler can return it as
//! its response.

mod clients;
mod history;
mod response;
mod rooms;

pub use clients::{DisconnectError, SendError};
pub use history::HistoryError;
pub use rooms::{BroadcastError, JoinRoomError, LeaveRoomError};
