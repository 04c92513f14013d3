//! API keys, as the configuration has them.

use std::fmt;
use std::time::SystemTime;

use super::key_hash::KeyHash;
use super::scope::Scopes;
use crate::limits::Rate;

/// What every key begins with.
pub const KEY_PREFIX: &str = "wck_";
/// The length of a key's random part: 32 bytes as base64url.
pub(super) const SECRET_CHARS: usize = 43;
/// Maximum length of a key's id, in bytes.
const MAX_ID_BYTES: usize = 64;

/// An API key, without the key itself: what it may do, and its hash.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Names the key, in the configuration, in logs and in answers.
    pub id: KeyId,
    /// The hash of the whole key.
    pub hash: KeyHash,
    /// What it may do.
    pub scopes: Scopes,
    /// How much it may publish; `None` for no limit.
    pub rate: Option<Rate>,
    /// When it ends; `None` for never.
    pub expires: Option<SystemTime>,
}

impl ApiKey {
    /// Whether the key has ended.
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The id of an API key: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

/// Why a text is not the id of a key. It does not repeat the text, which may be a whole key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIdError {
    /// It is empty, too long, or has other characters.
    Malformed,
    /// It begins like a key.
    LooksLikeAKey,
}

impl KeyId {
    /// Checks an id.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        if text.starts_with(KEY_PREFIX) {
            return Err(KeyIdError::LooksLikeAKey);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > MAX_ID_BYTES || !text.chars().all(fits) {
            return Err(KeyIdError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id in a key, if the text has the form of one: `wck_<id>_<43 characters>`.
    pub(super) fn in_key(key: &str) -> Option<&str> {
        let rest = key.strip_prefix(KEY_PREFIX)?;
        let end = rest.len().checked_sub(SECRET_CHARS + 1)?;
        // Both parts may contain underscores; the length of the second is known.
        let (id, secret) = rest.split_at_checked(end)?;
        let is_key = secret.starts_with('_') && id.len() <= MAX_ID_BYTES;
        is_key.then_some(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the id of a key has 1 to 64 letters, digits, hyphens, underscores or periods"
            }
            Self::LooksLikeAKey => {
                "this looks like a key, which belongs in no file; write its id, the part between `wck_` and the last 44 characters"
            }
        })
    }
}

impl std::error::Error for KeyIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_whatever_underscores_the_secret_has() {
        let secret = "_-".repeat(21) + "_";
        assert_eq!(secret.len(), SECRET_CHARS);
        let key = |id: &str| format!("wck_{id}_{secret}");
        for id in ["shop", "a_b", "_", "x".repeat(64).as_str()] {
            assert_eq!(KeyId::in_key(&key(id)), Some(id));
        }
        for text in [
            "",
            "wck_",
            "shop",
            &format!("wck_{secret}"),
            &format!("WCK_shop_{secret}"),
            &format!("wck_shop-{secret}"),
            &key(&"x".repeat(65)),
            &format!("wck_ü{}", "ü".repeat(22)),
        ] {
            assert_eq!(KeyId::in_key(text), None, "{text}");
        }
    }

    #[test]
    fn ids_are_checked() {
        assert!(KeyId::parse("Shop-1_a.b").is_ok());
        for text in ["", "a b", "ü", "a\"", &"x".repeat(65)] {
            assert_eq!(KeyId::parse(text), Err(KeyIdError::Malformed), "{text}");
        }
        assert_eq!(KeyId::parse("wck_shop"), Err(KeyIdError::LooksLikeAKey));
    }
}
