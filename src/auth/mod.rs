//! Who a connection is and what it may do: tokens, the keys that they are signed with, and rights.
//!
//! No sockets, no tasks, no clock: time is passed in, and what must be fetched is fetched by the
//! floors above.

#[cfg(feature = "auth")]
mod action;
#[cfg(feature = "auth")]
mod grants;
#[cfg(feature = "auth")]
pub mod jwks;
mod revocations;
#[cfg(feature = "auth")]
mod rules;
#[cfg(feature = "auth")]
pub mod token;

#[cfg(feature = "auth")]
pub use action::{Action, Actions};
#[cfg(feature = "auth")]
pub use grants::{Grant, Grants, GrantsTable};
pub use revocations::{Revocation, Revocations, Revoked, TokenFacts, TooManyRevocations};
#[cfg(feature = "auth")]
pub use rules::{AccessRule, AccessRules, Asked, Audience};
