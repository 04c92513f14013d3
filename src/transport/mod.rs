//! WebSocket connections: the upgrade, the read loop, the sockets' options.

mod connection;
mod read_half;
mod socket;
mod stream;
mod upgrade;

pub use connection::{Connection, open};
pub use socket::{SocketOptions, is_out_of_descriptors, listen};
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
