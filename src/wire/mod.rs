//! The server side of [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455) without I/O: the handshake check, the frame
//! decoder and the frame encoder.
//!
//! Bytes go in, events and frames come out. Nothing here knows about a runtime, sockets or JSON, so everything is
//! tested with literal bytes. The decoder owns no memory while a client is idle. While a message is incomplete, its
//! memory grows with the bytes received, never with a length that was merely declared.

mod accept_key;
mod authority;
mod close;
mod decoder;
mod error;
mod event;
mod forwarded;
mod frame;
mod handshake;
mod handshake_error;
mod header;
mod limits;
mod mask;
mod opcode;
mod origin;
mod partial_message;
mod reassembly;
pub mod tls;
mod trusted_proxies;

pub use accept_key::AcceptKey;
pub use authority::Authority;
pub use close::CloseFrame;
#[cfg(feature = "internals")]
pub use close::is_close_code;
pub use decoder::Decoder;
pub use error::ProtocolError;
pub use event::Event;
pub use frame::{Frame, FrameRole};
pub use handshake::check_handshake;
pub use handshake_error::HandshakeError;
pub use limits::Limits;
pub use mask::Mask;
pub use origin::{AllowedHosts, AllowedOrigins, InvalidOrigin, OriginError};
pub use trusted_proxies::{InvalidNetwork, TrustedProxies};
