//! WebSockets: the upgrade, the underlying stream, and the read loop.

mod connection;
mod read_half;
mod stream;
mod upgrade;

pub use connection::{WebSocketConnection, open};
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
