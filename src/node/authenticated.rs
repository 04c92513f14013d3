//! The answer to a token that is accepted.

use std::time::SystemTime;

use crate::protocol::{Identity, ServerMessage, UserId};

/// The message to a client whose token was accepted.
pub(super) fn authenticated(identity: Option<&Identity>, now: SystemTime) -> ServerMessage<'_> {
    let expires = identity.and_then(Identity::expires);
    ServerMessage::Authenticated {
        user: identity.and_then(Identity::user).map(UserId::as_str),
        // A token within the leeway has no time left.
        expires_in: expires.map(|at| at.duration_since(now).unwrap_or_default().as_secs()),
    }
}
