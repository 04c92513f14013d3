//! Wavecast: a high-fanout WebSocket notification edge.
//!
//! Very many connections listen in **rooms** (two-way, limited, announced) and
//! **channels** (one-way: backends publish); every published event is pushed to all who
//! want it, in order, without silent loss. The same engine runs as the `wavecast` binary
//! and inside an axum application: see [`WebSocketServer`] and [`ws_handler`].

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod dialect;
mod error;
mod handlers;
mod handles;
pub mod history;
pub mod http;
pub mod hub;
pub mod node;
pub mod protocol;
mod server;
mod server_builder;
pub mod session;
#[cfg(feature = "cli")]
mod telemetry;
pub mod transport;
pub mod wire;

pub use config::{ConfigError, WebSocketConfig};
pub use error::ServerError;
pub use handlers::{sse_handler, ws_handler};
pub use handles::{ClientHandle, Room};
pub use hub::{ClientRef, Observer};
pub use node::policy::{self, Policy};
pub use protocol::{ClientMessage, Identity, ServerMessage, TopicName, UserId};
pub use server::WebSocketServer;
pub use server_builder::ServerBuilder;
pub use transport::sse::SseRequest;
pub use transport::websocket::WebSocketUpgrade;
