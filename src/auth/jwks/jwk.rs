//! One key of a set.

use serde::de::DeserializeOwned;

use crate::auth::token::{Algorithm, Family, Key, decode_base64url};
use crate::protocol::{Json, members};

/// The members of a key that are looked at. Those for certificates (`x5c`, `x5u`) are not.
#[derive(Default)]
struct Jwk {
    kty: String,
    usage: Option<String>,
    operations: Option<Vec<String>>,
    algorithm: Option<String>,
    id: Option<String>,
    curve: Option<String>,
    n: Option<Vec<u8>>,
    e: Option<Vec<u8>>,
    x: Option<Vec<u8>>,
    y: Option<Vec<u8>>,
}

/// The key in this JSON text, once for each of `algorithms` that it is for: an RSA key that does not
/// name its algorithm may be for several. None if it cannot be used.
pub(super) fn read(text: &str, algorithms: &[Algorithm]) -> Vec<Key> {
    let Some(jwk) = Jwk::parse(text).filter(Jwk::is_for_signatures) else {
        return Vec::new();
    };
    let algorithms = algorithms.iter();
    let algorithms = algorithms.filter(|algorithm| jwk.is_for(**algorithm));
    algorithms
        .filter_map(|&algorithm| jwk.key(algorithm))
        .collect()
}

impl Jwk {
    /// `None` if a member is repeated or has the wrong type.
    fn parse(text: &str) -> Option<Self> {
        let mut jwk = Self::default();
        for (name, value) in members(text).ok()? {
            match name.as_str() {
                "kty" => jwk.kty = decode(value)?,
                "use" => jwk.usage = Some(decode(value)?),
                "key_ops" => jwk.operations = Some(decode(value)?),
                "alg" => jwk.algorithm = Some(decode(value)?),
                "kid" => jwk.id = Some(decode(value)?),
                "crv" => jwk.curve = Some(decode(value)?),
                "n" => jwk.n = Some(number(value)?),
                "e" => jwk.e = Some(number(value)?),
                "x" => jwk.x = Some(number(value)?),
                "y" => jwk.y = Some(number(value)?),
                _ => {}
            }
        }
        Some(jwk)
    }

    fn is_for_signatures(&self) -> bool {
        let usage = self.usage.as_deref();
        let operations = self.operations.as_ref();
        usage.is_none_or(|usage| usage == "sig")
            && operations.is_none_or(|operations| operations.iter().any(|name| name == "verify"))
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        let named = self.algorithm.as_deref();
        named.is_none_or(|named| named == algorithm.as_str())
            && match (algorithm.family(), self.kty.as_str(), self.curve.as_deref()) {
                (Family::Rsa, "RSA", _) => true,
                (Family::P256, "EC", Some(curve)) => curve == "P-256",
                (Family::P384, "EC", Some(curve)) => curve == "P-384",
                (Family::Ed25519, "OKP", Some(curve)) => curve == "Ed25519",
                // A secret (`oct`) has no place in a public document.
                _ => false,
            }
    }

    fn key(&self, algorithm: Algorithm) -> Option<Key> {
        let id = self.id.as_deref();
        let key = match algorithm.family() {
            Family::Rsa => Key::rsa(id, algorithm, self.n.as_ref()?, self.e.as_ref()?),
            Family::Ed25519 => Key::point(id, algorithm, self.x.as_ref()?),
            family => {
                let len = if family == Family::P256 { 32 } else { 48 };
                let (x, y) = (self.x.as_ref()?, self.y.as_ref()?);
                // RFC 7518 §6.2.1.2: of full length, so that `x` cannot take a byte of `y`.
                if x.len() != len || y.len() != len {
                    return None;
                }
                Key::point(id, algorithm, &[&[4], x.as_slice(), y.as_slice()].concat())
            }
        };
        key.ok()
    }
}

fn decode<T: DeserializeOwned>(value: &str) -> Option<T> {
    Json::from_text(value.to_owned()).decode().ok()
}

fn number(value: &str) -> Option<Vec<u8>> {
    decode_base64url(&decode::<String>(value)?)
}
