//! Request bodies: how they are read, within one budget of bytes for all of them.

mod body_lines;
mod budget;
mod content;
mod json_body;
mod parse_turns;

pub(super) use body_lines::{BodyLines, Line};
pub use budget::BodyBudget;
pub(super) use content::require_content;
pub(super) use json_body::read_json;
