//! The binary as a process.

mod arguments;
mod cors;
mod running;
