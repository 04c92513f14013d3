//! The binary as a process.

mod cli;
