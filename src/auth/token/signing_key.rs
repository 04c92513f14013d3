//! A key that tokens are signed with. The server only verifies tokens; this is for the command line
//! and for tests.

use std::fmt;

use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use super::algorithm::{Algorithm, Family};
use super::compact::encode_base64url;
use super::key::{check_secret, starts_with};
use super::key_error::KeyError;
use crate::protocol::Json;

/// A key that tokens are signed with, and the one algorithm that it is for. Debug output does not
/// show it.
pub struct SigningKey {
    algorithm: Algorithm,
    material: EncodingKey,
}

impl SigningKey {
    /// A secret, for HS256, HS384 and HS512.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if algorithm.family() != Family::Secret {
            return Err(KeyError::NeedsKey(algorithm.family()));
        }
        check_secret(secret)?;
        let material = EncodingKey::from_secret(secret);
        Ok(Self {
            algorithm,
            material,
        })
    }

    /// A private key in PEM form: `PRIVATE KEY` (RFC 5208), or `RSA PRIVATE KEY` (RFC 8017).
    pub fn private_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let family = algorithm.family();
        if family == Family::Secret {
            return Err(KeyError::NeedsSecret);
        }
        let is_private = [
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----",
        ]
        .iter()
        .any(|begin| starts_with(pem, begin));
        if !is_private {
            return Err(KeyError::NotPrivatePem);
        }
        let key = match family {
            Family::Rsa => EncodingKey::from_rsa_pem(pem),
            Family::Ed25519 => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_ec_pem(pem),
        };
        let key = Self {
            algorithm,
            material: key.map_err(|_| KeyError::Unfit(family))?,
        };
        // The library reads the key itself only when it signs.
        match key.signature(b"") {
            Some(_) => Ok(key),
            None => Err(KeyError::Unfit(family)),
        }
    }

    /// A token with these claims, which are the text of a JSON object. `None` if the signature
    /// cannot be made.
    pub fn sign(&self, key_id: Option<&str>, claims: &str) -> Option<String> {
        let key_id = key_id.map_or_else(String::new, |id| format!(",\"kid\":{}", Json::from(id)));
        let algorithm = self.algorithm.as_str();
        let header = format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"{key_id}}}");
        self.sign_parts(&header, claims)
    }

    /// A token with any header.
    pub(super) fn sign_parts(&self, header: &str, claims: &str) -> Option<String> {
        let [header, claims] = [header, claims].map(|part| encode_base64url(part.as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = self.signature(signed.as_bytes())?;
        Some(format!("{signed}.{}", encode_base64url(&signature)))
    }

    fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        let algorithm = self.algorithm.signature();
        let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, &self.material).ok()?;
        signer.try_sign(message).ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("material", &format_args!("***"))
            .finish()
    }
}
