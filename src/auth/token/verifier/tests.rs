//! The traps that verifiers of tokens are known for, and each rule for claims.

mod claims;
mod key_sets;
mod signatures;
mod times;

use std::time::{Duration, SystemTime};

use super::super::algorithm::Algorithm;
use super::super::signing_key::SigningKey;
use super::super::test_keys::SECRET;
use super::*;
use crate::auth::grants::Grants;

/// The time in most tests.
const NOW: u64 = 1_767_222_000;

/// Claims that are valid at `NOW`.
const VALID: &str = r#"{"sub":"ada","exp":1767225600}"#;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn secret_key() -> Key {
    Key::secret(None, Algorithm::Hs256, SECRET).unwrap()
}

fn hs256() -> SigningKey {
    SigningKey::secret(Algorithm::Hs256, SECRET).unwrap()
}

fn verifier(keys: Vec<Key>) -> Verifier {
    Verifier::new(TokenOptions::default(), keys, Vec::new())
}

/// What becomes of these claims, well signed, at `NOW`.
fn claimed_with(options: TokenOptions, claims: &str) -> Result<Verified, Unverified> {
    let token = hs256().sign(None, claims).unwrap();
    Verifier::new(options, vec![secret_key()], Vec::new()).verify(&token, at(NOW))
}

fn claimed(claims: &str) -> Result<Verified, Unverified> {
    claimed_with(TokenOptions::default(), claims)
}

#[track_caller]
fn assert_invalid(result: &Result<Verified, Unverified>, what: &str) {
    assert!(
        matches!(result, Err(Unverified::Invalid(_))),
        "{what}: {result:?}"
    );
}

#[test]
fn a_token_says_who_somebody_is_and_what_they_may_do() {
    let claims = r#"{"sub":"ada","iat":1767222000,"exp":1767225600,"jti":"7c1d","iss":"https://app.example",
        "channels":{"news":["subscribe"]},"rooms":{"team-7":["join"]},
        "info":{"name":"Ada"},"meta": {"plan":"pro"} ,"other":[1]}"#;
    let token = hs256().sign(Some("2026-01"), claims).unwrap();
    let verified = verifier(vec![secret_key()])
        .verify(&token, at(NOW))
        .unwrap();
    assert_eq!(verified.user.unwrap().as_str(), "ada");
    assert_eq!(verified.token_id.unwrap(), "7c1d");
    assert_eq!(verified.key_id.unwrap(), "2026-01");
    assert_eq!(verified.issued, Some(at(1_767_222_000)));
    assert_eq!(verified.expires, Some(at(1_767_225_600)));
    assert_eq!(verified.info.unwrap().as_str(), r#"{"name":"Ada"}"#);
    assert_eq!(verified.meta.unwrap().as_str(), r#"{"plan":"pro"}"#);
    assert_eq!(verified.channel, None);
    let expected = Grants::from_claims(
        Some(r#"{"news":["subscribe"]}"#),
        Some(r#"{"team-7":["join"]}"#),
    );
    assert_eq!(Ok(verified.grants), expected);
}
