//! WebSockets: the upgrade, the underlying stream, the read loop, and the end.

mod connection;
mod open;
mod read_half;
mod serving;
mod stream;
mod upgrade;

pub use open::{open, open_admitted};
#[cfg(feature = "internals")]
pub use serving::WebSocketConnection;
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
