//! Verifying tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515.
//!
//! The signature check is that of `jsonwebtoken`. Header and claims are read by this module, because
//! a claim of the wrong type, a repeated one and an unknown `crit` must be refused, never ignored.

mod algorithm;
mod claims;
mod compact;
mod header;
mod key;
mod key_error;
mod options;
mod signing_key;
#[cfg(test)]
pub(crate) mod test_keys;
mod verified;
mod verifier;

pub use algorithm::{Algorithm, Family};
pub(crate) use claims::MAX_DETAIL_BYTES;
pub(super) use compact::decode_base64url;
pub(crate) use compact::{MAX_TOKEN_BYTES, claims_text};
pub use key::Key;
pub use key_error::KeyError;
pub use options::TokenOptions;
pub use signing_key::SigningKey;
pub use verified::{Unverified, Verified};
pub use verifier::Verifier;
