//! Who a connection or a backend is and what it may do: tokens, the keys that they are signed with,
//! rights, and API keys.
//!
//! No sockets, no tasks, no clock: time is passed in, and what must be fetched is fetched by the
//! floors above.

mod action;
mod api_key;
mod api_keys;
mod grants;
pub mod jwks;
mod key_hash;
mod new_key;
mod rules;
mod scope;
pub mod token;

pub use action::{Action, Actions};
pub use api_key::{ApiKey, KEY_PREFIX, KeyId};
pub use api_keys::{ApiKeys, KeyRefused, KnownKey, Limited};
pub use grants::{Grant, Grants, GrantsTable};
pub use key_hash::KeyHash;
pub use new_key::NewKey;
pub use rules::{AccessRule, AccessRules, Asked, Audience};
pub use scope::{SCOPES, Scopes};
