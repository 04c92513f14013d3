//! The WebSocket protocol: the opening handshake, frames, commands, violations.

mod commands;
mod handshake;
mod protocol_errors;
