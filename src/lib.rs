//! Wavecast: a high-fanout WebSocket notification edge.
pub mod wire;
