//! Keys for tests, made once for each test process.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Algorithm, Family, Key, SigningKey};

/// A secret of 32 bytes.
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A pair of keys.
pub(crate) struct TestPair {
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    /// `SubjectPublicKeyInfo`.
    pub(crate) public_der: Vec<u8>,
    /// The public key without its wrapping: a point, or an `RSAPublicKey`.
    pub(crate) public_raw: Vec<u8>,
}

pub(crate) static RSA: LazyLock<TestPair> = LazyLock::new(rsa);
pub(crate) static OTHER_RSA: LazyLock<TestPair> = LazyLock::new(rsa);
pub(crate) static P256: LazyLock<TestPair> = LazyLock::new(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING));
pub(crate) static P384: LazyLock<TestPair> = LazyLock::new(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING));
pub(crate) static ED25519: LazyLock<TestPair> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let public = pair.public_key();
    let der: PublicKeyX509Der<'_> = public.as_der().unwrap();
    TestPair::new(private.as_ref(), der.as_ref(), public.as_ref())
});

fn rsa() -> TestPair {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    TestPair::new(private.as_ref(), der.as_ref(), pair.public_key().as_ref())
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> TestPair {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    TestPair::new(private.as_ref(), der.as_ref(), pair.public_key().as_ref())
}

impl TestPair {
    fn new(private: &[u8], public_der: &[u8], public_raw: &[u8]) -> Self {
        Self {
            private_pem: pem("PRIVATE KEY", private),
            public_pem: pem("PUBLIC KEY", public_der),
            public_der: public_der.to_vec(),
            public_raw: public_raw.to_vec(),
        }
    }

    /// Of this pair, the key that signs.
    pub(crate) fn signing(&self, algorithm: Algorithm) -> SigningKey {
        SigningKey::private_pem(algorithm, self.private_pem.as_bytes()).unwrap()
    }

    /// Of this pair, the key that verifies.
    pub(crate) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Key {
        Key::public_pem(id, algorithm, self.public_pem.as_bytes()).unwrap()
    }
}

/// The pair of keys for an algorithm that has one.
pub(crate) fn pair_for(algorithm: Algorithm) -> Option<&'static TestPair> {
    match algorithm.family() {
        Family::Secret => None,
        Family::Rsa => Some(&RSA),
        Family::P256 => Some(&P256),
        Family::P384 => Some(&P384),
        Family::Ed25519 => Some(&ED25519),
    }
}

/// A key for signing and the one that verifies, for any algorithm.
pub(crate) fn keys_for(algorithm: Algorithm, id: Option<&str>) -> (SigningKey, Key) {
    match pair_for(algorithm) {
        Some(pair) => (pair.signing(algorithm), pair.key(id, algorithm)),
        None => (
            SigningKey::secret(algorithm, SECRET).unwrap(),
            Key::secret(id, algorithm, SECRET).unwrap(),
        ),
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
