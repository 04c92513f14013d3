//! WebSockets: the upgrade, the underlying stream, the read loop, and the end.

mod accept;
mod authenticating;
mod connection;
mod open;
mod read_half;
mod refusing;
mod serving;
mod stream;
mod upgrade;

pub use accept::accept;
pub use open::open;
#[cfg(feature = "internals")]
pub use serving::WebSocketConnection;
pub use stream::Stream;
pub use upgrade::{Rejection, WebSocketUpgrade};
