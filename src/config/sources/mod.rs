//! The sources of settings: flags, environment variables, the file and the defaults.

mod anonymous;
mod api_keys;
mod document;
mod file;
mod given;
mod load;
mod origin;
mod problem;
mod rules;
mod table_reader;
mod tls;
mod tokens;
mod unknown_key;
mod variables;

pub(crate) use given::Given;
pub(crate) use load::{Flags, Loaded};
pub(crate) use origin::Origin;
pub(crate) use problem::{Problem, report};
pub(crate) use tokens::without_newline;
