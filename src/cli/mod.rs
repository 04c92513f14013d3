//! The command line of the binary: one file per command.

// The macros panic if the pipe is closed; the module `print` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod command_line;
mod commands;
mod config_check;
mod config_init;
mod configuration;
mod cors;
mod descriptors;
mod greeting;
mod help;
mod listeners;
mod print;
mod run;
mod serve;
mod signals;

pub use run::main;
