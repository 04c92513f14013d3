//! Keys of several sets.

use std::time::Instant;

use super::super::super::test_keys::{OTHER_RSA, RSA, TestPair};
use super::*;
use crate::auth::jwks::{KeySetOptions, test_set};

const A: &str = "https://a.example";
const B: &str = "https://b.example";

fn set(issuer: Option<&str>) -> KeySet {
    KeySet::new(KeySetOptions {
        url: "https://app.example/jwks.json".to_owned(),
        algorithms: vec![Algorithm::Rs256],
        issuer: issuer.map(str::to_owned),
        refresh: Duration::from_secs(600),
    })
}

fn fetched(issuer: Option<&str>, keys: &[(&str, &TestPair)]) -> KeySet {
    let set = set(issuer);
    let now = Instant::now();
    assert!(set.begin_fetch(now));
    set.fetched(test_set(keys).as_bytes(), now).unwrap();
    set
}

fn with_sets(sets: Vec<KeySet>) -> Verifier {
    Verifier::new(TokenOptions::default(), Vec::new(), sets)
}

fn token(pair: &TestPair, id: Option<&str>, issuer: &str) -> String {
    let claims = format!(r#"{{"exp":1767225600,"iss":"{issuer}"}}"#);
    pair.signing(Algorithm::Rs256).sign(id, &claims).unwrap()
}

#[track_caller]
fn assert_refused(result: Result<Verified, Unverified>, expected: &Unverified) {
    assert_eq!(result.map(|_| ()), Err(expected.clone()));
}

#[test]
fn a_key_of_one_issuer_does_not_verify_tokens_of_another() {
    let sets = vec![
        fetched(Some(A), &[("1", &RSA)]),
        fetched(Some(B), &[("1", &OTHER_RSA)]),
    ];
    let verifier = with_sets(sets);
    for id in [Some("1"), None] {
        assert!(verifier.verify(&token(&RSA, id, A), at(NOW)).is_ok());
        assert!(verifier.verify(&token(&OTHER_RSA, id, B), at(NOW)).is_ok());
        assert_invalid(&verifier.verify(&token(&RSA, id, B), at(NOW)), "crossed");
        assert_invalid(
            &verifier.verify(&token(&OTHER_RSA, id, A), at(NOW)),
            "crossed",
        );
        assert_invalid(
            &verifier.verify(&token(&RSA, id, "c"), at(NOW)),
            "a third issuer",
        );
    }
    let nobody = RSA
        .signing(Algorithm::Rs256)
        .sign(Some("1"), VALID)
        .unwrap();
    assert_invalid(&verifier.verify(&nobody, at(NOW)), "no issuer");
}

#[test]
fn the_only_set_may_leave_its_issuer_open() {
    let verifier = with_sets(vec![fetched(None, &[("1", &RSA)])]);
    assert!(verifier.verify(&token(&RSA, Some("1"), A), at(NOW)).is_ok());
    let nobody = RSA
        .signing(Algorithm::Rs256)
        .sign(Some("1"), VALID)
        .unwrap();
    assert!(verifier.verify(&nobody, at(NOW)).is_ok());
}

#[test]
fn an_unknown_key_is_worth_a_fetch_of_the_sets_that_may_have_it() {
    let sets = vec![
        fetched(Some(A), &[("1", &RSA)]),
        fetched(Some(B), &[("1", &OTHER_RSA)]),
        fetched(Some(A), &[("2", &OTHER_RSA)]),
    ];
    let verifier = with_sets(sets);
    let unknown = verifier.verify(&token(&RSA, Some("3"), A), at(NOW));
    assert_refused(unknown, &Unverified::UnknownKey(vec![0, 2]));
    let unknown = verifier.verify(&token(&RSA, Some("2"), B), at(NOW));
    assert_refused(unknown, &Unverified::UnknownKey(vec![1]));
    // A set that is not for this algorithm cannot have the key.
    let other = RSA.signing(Algorithm::Ps256);
    let claims = format!(r#"{{"exp":1767225600,"iss":"{A}"}}"#);
    let token = other.sign(Some("3"), &claims).unwrap();
    assert_invalid(&verifier.verify(&token, at(NOW)), "PS256");
}

#[test]
fn a_set_that_was_never_fetched_makes_its_tokens_wait() {
    let sets = vec![set(Some(A)), fetched(Some(B), &[("1", &RSA)])];
    let verifier = Verifier::new(TokenOptions::default(), vec![secret_key()], sets);
    let waiting = verifier.verify(&token(&RSA, Some("1"), A), at(NOW));
    assert_refused(waiting, &Unverified::KeysUnavailable);
    assert!(verifier.verify(&token(&RSA, Some("1"), B), at(NOW)).is_ok());
    let own = hs256().sign(Some("1"), VALID).unwrap();
    assert!(verifier.verify(&own, at(NOW)).is_ok());
    assert_invalid(&verifier.verify("e30.e30.AQI", at(NOW)), "no header");
}
