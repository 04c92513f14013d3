//! WebSockets: the upgrade, the underlying stream, and the read loop.

mod connection;
mod read_half;
mod stream;
mod upgrade;

#[cfg(feature = "internals")]
pub use connection::WebSocketConnection;
pub use connection::{open, open_admitted};
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
