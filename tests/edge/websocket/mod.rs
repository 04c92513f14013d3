//! The WebSocket protocol: the opening handshake, frames, commands, violations.

mod commands;
mod handshake;
mod message_size;
mod protocol_errors;
mod socket_options;
