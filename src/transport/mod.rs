//! Connections: WebSockets, event streams, and their socket options.

mod socket;
pub mod sse;
pub mod websocket;

pub use socket::{SocketOptions, is_out_of_descriptors, listen};
