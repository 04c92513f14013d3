//! Which tokens are accepted.

use std::time::Duration;

/// Which tokens are accepted, beside their signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOptions {
    /// If not empty, a token's `aud` must name one of these. If empty, a token with an `aud` is
    /// refused: it was made for somebody else (RFC 7519 §4.1.3). Default empty.
    pub audience: Vec<String>,
    /// If not empty, a token's `iss` must be one of these. Default empty.
    pub issuer: Vec<String>,
    /// How much clocks may differ, for `exp`, `nbf` and `iat`. Default 30 s.
    pub leeway: Duration,
    /// A token that is valid for longer than this, from now on, is refused. Default 24 h.
    pub max_lifetime: Duration,
    /// Whether a token must have an `exp`. Default true.
    pub require_expiry: bool,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(24 * 3600),
            require_expiry: true,
        }
    }
}
