//! Connections: WebSockets, event streams, and their socket options.

mod client_socket;
mod credentials;
mod http_output;
mod http_socket;
mod read_turns;
mod socket;
pub mod sse;
pub mod tls;
pub mod websocket;
mod write_deadline;

pub use client_socket::ClientSocket;
pub use http_socket::{Arrivals, HttpSocket, HttpTask};
pub use socket::{SocketOptions, is_out_of_descriptors, listen};
