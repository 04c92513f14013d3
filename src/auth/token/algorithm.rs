//! Signature algorithms.

use jsonwebtoken::Algorithm as Signature;

/// A signature algorithm that is accepted (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The kind of key that an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A secret that both sides know.
    Secret,
    /// An RSA key.
    Rsa,
    /// A key on the curve P-256.
    P256,
    /// A key on the curve P-384.
    P384,
    /// An Ed25519 key.
    Ed25519,
}

impl Family {
    /// The kind of key, for a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "a secret",
            Self::Rsa => "an RSA key",
            Self::P256 => "an EC key on P-256",
            Self::P384 => "an EC key on P-384",
            Self::Ed25519 => "an Ed25519 key",
        }
    }
}

impl Algorithm {
    /// Every algorithm by its name, which is compared exactly (RFC 7515 §4.1.1).
    const TABLE: [(&str, Self, Family, Signature); 12] = [
        ("HS256", Self::Hs256, Family::Secret, Signature::HS256),
        ("HS384", Self::Hs384, Family::Secret, Signature::HS384),
        ("HS512", Self::Hs512, Family::Secret, Signature::HS512),
        ("RS256", Self::Rs256, Family::Rsa, Signature::RS256),
        ("RS384", Self::Rs384, Family::Rsa, Signature::RS384),
        ("RS512", Self::Rs512, Family::Rsa, Signature::RS512),
        ("PS256", Self::Ps256, Family::Rsa, Signature::PS256),
        ("PS384", Self::Ps384, Family::Rsa, Signature::PS384),
        ("PS512", Self::Ps512, Family::Rsa, Signature::PS512),
        ("ES256", Self::Es256, Family::P256, Signature::ES256),
        ("ES384", Self::Es384, Family::P384, Signature::ES384),
        ("EdDSA", Self::EdDsa, Family::Ed25519, Signature::EdDSA),
    ];

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let row = Self::TABLE.iter().find(|row| row.0 == name);
        row.map(|row| row.1)
    }

    /// The names of all algorithms.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::TABLE.iter().map(|row| row.0)
    }

    /// All algorithms.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|row| row.1)
    }

    /// Its name in a token's header.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The kind of key that it needs.
    pub fn family(self) -> Family {
        self.row().2
    }

    pub(super) fn signature(self) -> Signature {
        self.row().3
    }

    fn row(self) -> &'static (&'static str, Self, Family, Signature) {
        // The rows are in the order of the variants; a test compares them.
        &Self::TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_has_its_row() {
        for (name, algorithm, ..) in Algorithm::TABLE {
            assert_eq!(algorithm.as_str(), name);
            assert_eq!(Algorithm::parse(name), Some(algorithm));
            assert_eq!(format!("{:?}", algorithm.signature()), name);
        }
    }

    #[test]
    fn other_names_are_no_algorithms() {
        for name in [
            "none", "None", "nOnE", "", "hs256", "HS256 ", "HS1", "ES512", "ES256K",
        ] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
