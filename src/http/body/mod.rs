//! Request bodies: how they are read, within one budget of bytes for all of them.

mod budget;
mod json_body;

pub use budget::BodyBudget;
pub(super) use json_body::read_json;
