//! `[tokens]`: which tokens are accepted, and the keys that they are verified with.

use std::time::Duration;

use crate::auth::jwks::{KeySet, KeySetOptions};
use crate::auth::token::{Key, TokenOptions, Verifier};

/// How clients authenticate with tokens.
#[derive(Debug, Clone)]
pub(crate) struct TokensConfig {
    /// Which tokens are accepted.
    pub(crate) options: TokenOptions,
    /// How long before its token expires a client is told so.
    pub(crate) expiry_warning: Duration,
    /// How long a connection without a token has for its first message.
    pub(crate) auth_timeout: Duration,
    /// Whether a token may be in the query string.
    pub(crate) allow_query: bool,
    /// The configured keys, in their order.
    pub(crate) keys: Vec<Key>,
    /// The key sets to fetch, in their order.
    pub(crate) sets: Vec<KeySetOptions>,
}

impl TokensConfig {
    /// A verifier with these keys, and with key sets of which none is fetched yet.
    pub(crate) fn verifier(self) -> Verifier {
        let sets = self.sets.into_iter().map(KeySet::new);
        Verifier::new(self.options, self.keys, sets.collect())
    }
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            options: TokenOptions::default(),
            expiry_warning: Duration::from_secs(60),
            auth_timeout: Duration::from_secs(10),
            allow_query: false,
            keys: Vec::new(),
            sets: Vec::new(),
        }
    }
}
