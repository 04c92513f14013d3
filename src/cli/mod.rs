//! The command line of the binary: one file per command.

mod api_options;
mod authority;
mod command_line;
mod commands;
mod config_check;
mod config_init;
mod configuration;
mod cors;
mod descriptors;
mod greeting;
mod help;
mod journal;
mod key_new;
mod listeners;
mod print;
mod run;
mod serve;
mod signals;
mod tls;
mod token_check;
mod token_commands;
mod token_new;

pub use run::main;
