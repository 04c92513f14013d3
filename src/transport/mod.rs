//! Connections: the WebSocket upgrade and read loop, event streams, the sockets' options.

mod connection;
mod read_half;
mod socket;
pub mod sse;
mod stream;
mod upgrade;

pub use connection::{Connection, open};
pub use socket::{SocketOptions, is_out_of_descriptors, listen};
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
