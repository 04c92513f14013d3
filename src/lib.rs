//! Wavecast: a high-fanout WebSocket notification edge.
//!
//! Very many connections listen in **rooms** (two-way, limited, announced) and
//! **channels** (one-way: backends publish); every published event is pushed to all who
//! want it, in order, without silent loss. The same engine runs as the `wavecast` binary
//! and inside an axum application: see [`WebSocketServer`] and [`ws_handler`].

pub mod config;
mod handles;
pub mod history;
pub mod http;
pub mod hub;
pub mod node;
pub mod protocol;
mod server;
pub mod session;
pub mod telemetry;
pub mod transport;
pub mod wire;

pub use config::{ConfigError, WebSocketConfig};
pub use handles::{ClientHandle, Room};
pub use protocol::{ClientMessage, ServerMessage};
pub use server::{ServerError, WebSocketServer, sse_handler, ws_handler};
