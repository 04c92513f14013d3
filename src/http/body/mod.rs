//! Bodies of requests: one budget of bytes over all of them, and how they are read.

mod budget;
mod json_body;

pub use budget::BodyBudget;
pub(super) use json_body::read_json;
