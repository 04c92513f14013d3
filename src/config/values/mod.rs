//! Values of settings: their syntax and their range.

mod kind;
mod listen;
mod log_filter;
mod suggest;
mod value;
mod web_origin;

pub(crate) use kind::Kind;
pub(crate) use listen::Listen;
pub(crate) use suggest::{did_you_mean, nearest};
pub(crate) use value::{Raw, Value, put};
