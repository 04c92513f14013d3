//! Verifying tokens.

use std::time::SystemTime;

use super::claims::Claims;
use super::compact::CompactToken;
use super::header::Header;
use super::key::Key;
use super::options::TokenOptions;
use super::verified::{Unverified, Verified};
use crate::auth::jwks::KeySet;

/// Maximum number of keys that one token is tried with.
const MAX_CANDIDATES: usize = 4;

/// Verifies tokens with configured keys and with those of key sets.
#[derive(Debug)]
pub struct Verifier {
    options: TokenOptions,
    keys: Vec<Key>,
    sets: Vec<KeySet>,
}

impl Verifier {
    /// A verifier with these keys, which are tried in this order: first `keys`, then those of `sets`.
    pub fn new(options: TokenOptions, keys: Vec<Key>, sets: Vec<KeySet>) -> Self {
        Self {
            options,
            keys,
            sets,
        }
    }

    /// The key sets. [`Unverified::UnknownKey`] names them by their index.
    pub fn key_sets(&self) -> &[KeySet] {
        &self.sets
    }

    /// Verifies a token at the time `now`: its form, its signature, and all of its claims.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Verified, Unverified> {
        let invalid = |reason: &'static str| Unverified::Invalid(reason.into());
        let token = CompactToken::parse(token).map_err(invalid)?;
        let header = Header::parse(&token.header).map_err(invalid)?;
        let claims = Claims::parse(&token.claims)?;
        // Not verified yet, so it may only rule keys out: those of other issuers.
        let issuer = claims.issuer()?;

        let mut search = Search {
            token: &token,
            header: &header,
            tries: 0,
        };
        if let Some(key) = search.among(&self.keys) {
            return claims.check(&self.options, search.key_id(key), now);
        }
        let (mut unknown, mut is_unavailable) = (Vec::new(), false);
        let sets = self.sets.iter().enumerate();
        for (index, set) in sets.filter(|(_, set)| set.is_for(issuer.as_deref(), header.algorithm))
        {
            let Some(keys) = set.keys() else {
                is_unavailable = true;
                continue;
            };
            if let Some(key) = search.among(&keys) {
                return claims.check(&self.options, search.key_id(key), now);
            }
            if search.is_unknown_to(&keys) {
                unknown.push(index);
            }
        }
        Err(if is_unavailable {
            Unverified::KeysUnavailable
        } else if unknown.is_empty() {
            invalid("no key verifies the signature")
        } else {
            Unverified::UnknownKey(unknown)
        })
    }
}

/// The search for the key that signed a token.
struct Search<'a> {
    token: &'a CompactToken<'a>,
    header: &'a Header,
    /// The number of keys that were tried.
    tries: usize,
}

impl Search<'_> {
    /// The first of `keys` that verifies the signature.
    fn among<'k>(&mut self, keys: &'k [Key]) -> Option<&'k Key> {
        let candidates = keys.iter().filter(|key| is_candidate(key, self.header));
        for key in candidates.take(MAX_CANDIDATES - self.tries) {
            self.tries += 1;
            if key.verifies(self.token.signed, &self.token.signature) {
                return Some(key);
            }
        }
        None
    }

    /// Whether the token names a key that none of `keys` is.
    fn is_unknown_to(&self, keys: &[Key]) -> bool {
        let id = self.header.key_id.as_deref();
        id.is_some_and(|id| keys.iter().all(|key| key.id() != Some(id)))
    }

    /// What to call the key that verified the token.
    fn key_id(&self, key: &Key) -> Option<String> {
        let id = self.header.key_id.as_deref().or(key.id());
        id.map(str::to_owned)
    }
}

/// Whether a token with this header may be signed by `key`.
fn is_candidate(key: &Key, header: &Header) -> bool {
    // RFC 8725 §3.1: the key decides the algorithm.
    key.algorithm() == header.algorithm
        && match (header.key_id.as_deref(), key.id()) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        }
}

#[cfg(test)]
mod tests;
