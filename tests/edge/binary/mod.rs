//! The binary as a process.

mod api_keys;
mod arguments;
mod config_commands;
mod cors;
pub mod internal;
mod key_new;
mod listening;
mod local_only;
mod log;
mod origins;
mod output;
mod page;
mod precedence;
mod problems;
mod production;
mod rights;
mod rules;
mod running;
mod suggestions;
pub mod support;
mod token_commands;
mod tokens;
mod values;
