//! How clients bring tokens.

use std::time::Duration;

/// How clients bring tokens, for a policy that takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOptions {
    /// How long a WebSocket without a token has to send one as its first message, before it is closed
    /// (4500). Default 10 s.
    pub auth_timeout: Duration,
    /// Maximum number of WebSockets that have not sent their token yet; further ones get 503.
    /// Default 4096.
    pub max_waiting: usize,
    /// The longest life of a token: how long a revocation lasts unless it says. Default 24 h.
    pub max_lifetime: Duration,
    /// Whether a token may be in the query (`?token=…`), which ends up in logs of others. Otherwise
    /// such a request gets 400. Default false.
    pub allow_query: bool,
    /// About how long before its identity expires a client is told. Default 60 s.
    pub expiry_warning: Duration,
    /// How long after its identity has expired a client is closed (4003). Default 30 s.
    pub leeway: Duration,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(10),
            max_waiting: 4096,
            max_lifetime: Duration::from_secs(24 * 3600),
            allow_query: false,
            expiry_warning: Duration::from_secs(60),
            leeway: Duration::from_secs(30),
        }
    }
}
