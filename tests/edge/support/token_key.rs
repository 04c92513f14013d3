//! Keys that sign tokens, and the sets in which issuers publish them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PublicKeyData as _};
use wavecast::auth::token::{Algorithm, SigningKey};

/// A key pair for ES256.
pub struct TokenKey {
    pub private_pem: String,
    pub public_pem: String,
    /// The point as in SEC 1.
    point: Vec<u8>,
}

impl TokenKey {
    pub fn new() -> Self {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        Self {
            private_pem: pem("PRIVATE KEY", pair.serialized_der()),
            public_pem: pem("PUBLIC KEY", &pair.subject_public_key_info()),
            point: pair.der_bytes().to_vec(),
        }
    }

    /// A token with these members beside an expiry in ten minutes.
    pub fn sign(&self, id: &str, claims: &str) -> String {
        let key = SigningKey::private_pem(Algorithm::Es256, self.private_pem.as_bytes());
        let claims = format!("{{\"exp\":{}{claims}}}", unix_time() + 600);
        key.expect("a key")
            .sign(Some(id), &claims)
            .expect("a token")
    }

    /// The key as an issuer publishes it.
    pub fn jwk(&self, id: &str) -> String {
        let (x, y) = self.point[1..].split_at(32);
        let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
        format!(
            "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"{id}\",\"x\":\"{x}\",\"y\":\"{y}\"}}"
        )
    }
}

/// The present time in Unix seconds.
pub fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time")
        .as_secs()
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<&str> = lines
        .map(|line| str::from_utf8(line).expect("ASCII"))
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
