//! Connections: WebSockets, event streams, and their socket options.

mod credentials;
mod http_output;
mod http_socket;
mod read_turns;
mod socket;
pub mod sse;
pub mod websocket;
mod write_deadline;

pub use http_socket::{Arrivals, HttpSocket, HttpTask};
pub use socket::{SocketOptions, is_out_of_descriptors, listen};
