//! Request bodies: how they are read, within one budget of bytes for all of them.

mod body_lines;
mod budget;
mod json_body;
mod media_type;
mod parse_turns;

pub(super) use body_lines::{BodyLines, Line};
pub use budget::BodyBudget;
pub(super) use json_body::read_json;
pub(super) use media_type::require_media_type;
