//! Bytes on the wire: WebSocket frames and handshake, JSON messages, the stamp in every payload, and two small blocking
//! clients.

pub(crate) mod client_frame;
pub(crate) mod event_stream_reader;
pub(crate) mod frame_reader;
pub(crate) mod handshake;
pub(crate) mod http_client;
pub(crate) mod json;
pub(crate) mod lean_reader;
pub(crate) mod probe_client;
pub(crate) mod server_frame;
pub(crate) mod server_message;
#[cfg(test)]
mod server_message_tests;
pub(crate) mod stamp;
pub(crate) mod tcp_link;
