//! What a route needs.

use std::fmt;

#[cfg(feature = "auth")]
use crate::auth::Scopes;

/// What a caller of a route must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Scope {
    /// Publish. To which channels is checked for each event.
    Publish,
    /// Read statistics, lists and histories.
    Read,
    /// Change something: close connections, revoke tokens.
    Admin,
}

#[cfg(feature = "auth")]
impl Scope {
    /// Whether a key with these scopes may use the route.
    pub(super) fn is_granted_by(self, scopes: &Scopes) -> bool {
        match self {
            Self::Publish => scopes.may_publish_somewhere(),
            Self::Read => scopes.may_read(),
            Self::Admin => scopes.may_administer(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Admin => "admin",
        })
    }
}
