//! The accept loop: HTTP/1.1 with the limits and timeouts that a public port needs.

mod accept;
mod accept_errors;
mod connection;
mod ending;
mod head_timer;
mod options;
mod peers;
mod request_body;
mod request_head;
mod routes;
mod slots;

pub use accept::serve;
#[cfg(feature = "cli")]
pub(crate) use accept::serve_all;
#[cfg(all(feature = "internals", feature = "tls"))]
pub use accept::serve_tls;
pub use options::ServeOptions;
#[cfg(any(feature = "cli", feature = "internals"))]
pub use routes::Routes;
