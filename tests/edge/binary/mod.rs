//! The binary as a process.

mod arguments;
mod config_commands;
mod cors;
mod listening;
mod log;
mod origins;
mod output;
mod page;
mod precedence;
mod problems;
mod rights;
mod rules;
mod running;
mod suggestions;
mod support;
mod token_commands;
mod tokens;
mod values;
