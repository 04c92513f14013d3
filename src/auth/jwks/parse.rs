//! Parsing a key set.

use super::jwk;
use crate::auth::token::{Algorithm, Key};
use crate::protocol::{elements, members};

/// Maximum length of a key set in bytes.
pub const MAX_SET_BYTES: usize = 256 * 1024;

/// Maximum number of keys in a set, usable or not.
const MAX_KEYS: usize = 100;

/// Why a key set was refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// More than 256 KiB.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// Not an object with an array `keys`.
    #[error("the response is not a key set")]
    NotAKeySet,
    /// More than 100 keys.
    #[error("the key set has more than 100 keys")]
    TooManyKeys,
}

/// The keys of a set (RFC 7517 §5) that are for one of `algorithms`. A key that cannot be used is
/// skipped, as the RFC wants it.
pub(super) fn parse(text: &[u8], algorithms: &[Algorithm]) -> Result<Vec<Key>, KeySetError> {
    if text.len() > MAX_SET_BYTES {
        return Err(KeySetError::TooLarge);
    }
    let text = std::str::from_utf8(text).map_err(|_| KeySetError::NotAKeySet)?;
    let members = members(text).map_err(|_| KeySetError::NotAKeySet)?;
    let keys = members.iter().find(|(name, _)| name == "keys");
    let &(_, keys) = keys.ok_or(KeySetError::NotAKeySet)?;
    let keys = elements(keys).map_err(|_| KeySetError::NotAKeySet)?;
    if keys.len() > MAX_KEYS {
        return Err(KeySetError::TooManyKeys);
    }
    let keys = keys.iter().flat_map(|key| jwk::read(key, algorithms));
    Ok(keys.collect())
}

#[cfg(test)]
mod tests;
