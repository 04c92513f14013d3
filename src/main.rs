//! The `wavecast` binary.
fn main() {}
