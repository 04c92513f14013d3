//! What a client may do with which rooms and channels.
//!
//! No sockets, no tasks, no clock.

mod action;
mod grants;
mod rules;

pub use action::{Action, Actions};
pub use grants::{Grant, Grants, GrantsTable, MAX_PATTERNS};
pub use rules::{AccessRule, AccessRules, Asked, Audience};
