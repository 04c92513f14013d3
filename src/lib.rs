//! Wavecast: a high-fanout WebSocket notification edge.

pub mod hub;
pub mod node;
pub mod protocol;
pub mod session;
pub mod transport;
pub mod wire;
