//! A key that tokens are verified with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use super::algorithm::{Algorithm, Family};
use super::key_error::KeyError;

/// Minimum length of a secret in bytes.
const MIN_SECRET_BYTES: usize = 32;

/// A key with the one algorithm that it is for: a token's `alg` chooses among keys, never what a
/// key is used as (RFC 8725 §3.1). Clones share the key. Debug output does not show it.
#[derive(Clone)]
pub struct Key {
    id: Option<Arc<str>>,
    algorithm: Algorithm,
    material: Arc<DecodingKey>,
}

impl Key {
    /// A secret, for HS256, HS384 and HS512.
    pub fn secret(id: Option<&str>, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if algorithm.family() != Family::Secret {
            return Err(KeyError::NeedsKey(algorithm.family()));
        }
        check_secret(secret)?;
        Ok(Self::new(id, algorithm, DecodingKey::from_secret(secret)))
    }

    /// A public key in PEM form: `PUBLIC KEY` (RFC 5280), or `RSA PUBLIC KEY` (RFC 8017).
    pub fn public_pem(
        id: Option<&str>,
        algorithm: Algorithm,
        pem: &[u8],
    ) -> Result<Self, KeyError> {
        let family = algorithm.family();
        if family == Family::Secret {
            return Err(KeyError::NeedsSecret);
        }
        // A private key or a certificate would be accepted below. The first does not belong here,
        // and the second has an expiry that nobody would look at.
        let is_public = [
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN RSA PUBLIC KEY-----",
        ]
        .iter()
        .any(|begin| starts_with(pem, begin));
        if !is_public {
            return Err(KeyError::NotPublicPem);
        }
        let key = match family {
            Family::Rsa => DecodingKey::from_rsa_pem(pem),
            Family::Ed25519 => DecodingKey::from_ed_pem(pem),
            _ => DecodingKey::from_ec_pem(pem),
        };
        let key = key.map_err(|_| KeyError::Unfit(family))?;
        let bytes = key
            .try_get_as_bytes()
            .map_err(|_| KeyError::Unfit(family))?;
        match family {
            Family::Rsa => {
                let components = DEFAULT_PROVIDER
                    .key_utils
                    .rsa_pub_components_from_public_key;
                let (n, e) = components(bytes).map_err(|_| KeyError::Unfit(family))?;
                Self::rsa(id, algorithm, &n, &e)
            }
            _ => Self::point(id, algorithm, bytes),
        }
    }

    /// An RSA key from its modulus and exponent, big-endian.
    pub fn rsa(
        id: Option<&str>,
        algorithm: Algorithm,
        n: &[u8],
        e: &[u8],
    ) -> Result<Self, KeyError> {
        if algorithm.family() != Family::Rsa {
            return Err(KeyError::Unfit(algorithm.family()));
        }
        let n = without_leading_zeros(n);
        let bits = n
            .first()
            .map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(KeyError::RsaSize(bits));
        }
        let e = without_leading_zeros(e);
        let material = DecodingKey::from_rsa_raw_components(n, e);
        Ok(Self::new(id, algorithm, material))
    }

    /// A key on a curve: for ECDSA, the uncompressed point of SEC 1 (0x04, x, y); for Ed25519, its 32 bytes.
    pub fn point(id: Option<&str>, algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let family = algorithm.family();
        let (len, curve): (usize, &'static dyn VerificationAlgorithm) = match family {
            Family::P256 => (65, &ECDSA_P256_SHA256_FIXED),
            Family::P384 => (97, &ECDSA_P384_SHA384_FIXED),
            Family::Ed25519 => (32, &ED25519),
            _ => return Err(KeyError::Unfit(family)),
        };
        // A point that is not on the curve is refused here, once.
        if point.len() != len || ParsedPublicKey::new(curve, point).is_err() {
            return Err(KeyError::Unfit(family));
        }
        let material = match family {
            Family::Ed25519 => DecodingKey::from_ed_der(point),
            _ => DecodingKey::from_ec_der(point),
        };
        Ok(Self::new(id, algorithm, material))
    }

    /// Its id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The only algorithm that it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is one of `message` by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        // Named, since the crate's default depends on the features that an application chose, and
        // panics where these are not exactly one backend.
        let verifier =
            (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.signature(), &self.material);
        verifier.is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }

    fn new(id: Option<&str>, algorithm: Algorithm, material: DecodingKey) -> Self {
        Self {
            id: id.map(Into::into),
            algorithm,
            material: Arc::new(material),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("material", &format_args!("***"))
            .finish()
    }
}

/// Checks a secret, for signing as for verifying.
pub(super) fn check_secret(secret: &[u8]) -> Result<(), KeyError> {
    if starts_with(secret, "-----BEGIN ") {
        return Err(KeyError::PemAsSecret);
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::ShortSecret(secret.len()));
    }
    Ok(())
}

/// Whether a file begins with this text, after white space.
pub(super) fn starts_with(file: &[u8], text: &str) -> bool {
    file.trim_ascii_start().starts_with(text.as_bytes())
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests;
