//! Connections: WebSockets, event streams, and the options of their sockets.

mod socket;
pub mod sse;
pub mod websocket;

pub use socket::{SocketOptions, is_out_of_descriptors, listen};
