//! Values of settings: their syntax and their range.

mod kind;
mod listen;
mod log_filter;
mod start_page;
mod value;
mod web_origin;

pub(crate) use kind::Kind;
pub(crate) use listen::Listen;
pub(crate) use start_page::StartPage;
pub(crate) use value::{Raw, Value, is_contents, put};
