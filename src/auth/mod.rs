//! Who a connection is and what it may do: tokens, the keys that they are signed with, and rights.
//!
//! No sockets, no tasks, no clock: time is passed in, and what must be fetched is fetched by the
//! floors above.

mod action;
mod grants;
pub mod jwks;
mod rules;
pub mod token;

pub use action::{Action, Actions};
pub use grants::{Grant, Grants, GrantsTable, MAX_PATTERNS};
pub use rules::{AccessRule, AccessRules, Asked, Audience};
