//! Connections: WebSockets, event streams, and their socket options.

mod client_address;
mod client_socket;
mod credentials;
mod http_output;
mod http_socket;
mod proxy_header;
mod read_turns;
mod socket;
pub mod sse;
pub mod tls;
pub mod websocket;
mod write_deadline;

pub use client_address::ClientAddress;
pub use client_socket::ClientSocket;
pub use http_socket::{Arrivals, HttpSocket, HttpTask};
pub use proxy_header::{PROXY_HEADER_TIMEOUT, read_proxy_header};
pub use socket::{SocketOptions, is_out_of_descriptors, listen};
