//! WebSockets: the upgrade, the stream below it, and the read loop.

mod connection;
mod read_half;
mod stream;
mod upgrade;

pub use connection::{WebSocketConnection, open, open_admitted};
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
