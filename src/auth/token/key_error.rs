//! Why a key cannot be used.

use super::algorithm::Family;

/// Why a key cannot be used. Never says anything of the key's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// RFC 7518 §3.2 wants as many bytes as the hash has; 32 is what is enforced.
    #[error("the secret has {0} bytes; it must have at least 32")]
    ShortSecret(usize),
    /// A public key is known to everybody, so it must never be a secret.
    #[error("this is a key or certificate in PEM form, not a secret")]
    PemAsSecret,
    /// The algorithm has a secret, not a pair of keys.
    #[error("the algorithm needs a secret")]
    NeedsSecret,
    /// The algorithm has a pair of keys.
    #[error("the algorithm needs {}, not a secret", .0.as_str())]
    NeedsKey(Family),
    /// Not a PEM file with `PUBLIC KEY` or `RSA PUBLIC KEY`.
    #[error("this is not a public key in PEM form (`-----BEGIN PUBLIC KEY-----`)")]
    NotPublicPem,
    /// Not a PEM file with `PRIVATE KEY` or `RSA PRIVATE KEY`.
    #[error("this is not a private key in PEM form (`-----BEGIN PRIVATE KEY-----`)")]
    NotPrivatePem,
    /// The key is of another kind.
    #[error("the key does not fit the algorithm, which needs {}", .0.as_str())]
    Unfit(Family),
    /// RFC 7518 §3.3.
    #[error("the RSA key has {0} bits; it must have 2048 to 8192")]
    RsaSize(usize),
}
