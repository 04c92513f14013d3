//! RFC 6455, server side, without I/O: the handshake check, the frame decoder and the frame encoder.
//!
//! Bytes in, events and frames out. Nothing here knows of a runtime, a socket or JSON, so everything is
//! tested with literal bytes. The decoder holds no memory while a client is idle, and what it
//! holds while a message is partial follows the bytes that arrived, never a length that was merely declared.

mod accept_key;
mod close;
mod decoder;
mod error;
mod event;
mod frame;
mod handshake;
mod handshake_error;
mod header;
mod limits;
mod mask;
mod message;
mod opcode;
mod partial;
mod server_frame;

pub use accept_key::AcceptKey;
pub use close::CloseFrame;
#[cfg(feature = "internals")]
pub use close::is_close_code;
pub use decoder::Decoder;
pub use error::ProtocolError;
pub use event::Event;
pub use frame::Frame;
pub use handshake::check_handshake;
pub use handshake_error::HandshakeError;
pub use limits::Limits;
pub use mask::Mask;
pub use server_frame::ServerFrame;
