//! `exp`, `nbf`, `iat`, and how much clocks may differ.

use super::*;

/// What becomes of a token with these claims at each of these seconds after `NOW`.
fn verify_at(options: &TokenOptions, claims: &str, seconds: f64) -> Result<Verified, Unverified> {
    let token = hs256().sign(None, claims).unwrap();
    let verifier = Verifier::new(options.clone(), vec![secret_key()], Vec::new());
    verifier.verify(
        &token,
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(NOW as f64 + seconds),
    )
}

#[track_caller]
fn assert_refused(result: Result<Verified, Unverified>, expected: &Unverified) {
    assert_eq!(result.map(|_| ()), Err(expected.clone()));
}

#[test]
fn a_token_expires_when_the_leeway_after_exp_is_over() {
    let options = TokenOptions::default();
    let claims = format!(r#"{{"exp":{}}}"#, NOW + 100);
    for seconds in [0.0, 99.0, 100.0, 129.0, 129.9] {
        assert!(verify_at(&options, &claims, seconds).is_ok(), "{seconds}");
    }
    for seconds in [130.0, 130.1, 1e6] {
        assert_refused(verify_at(&options, &claims, seconds), &Unverified::Expired);
    }
    let none = TokenOptions {
        leeway: Duration::ZERO,
        ..options
    };
    assert!(verify_at(&none, &claims, 99.9).is_ok());
    assert_refused(verify_at(&none, &claims, 100.0), &Unverified::Expired);
    for exp in ["0", "-1", "-1e300", "1.5"] {
        let claims = format!(r#"{{"exp":{exp}}}"#);
        assert_refused(verify_at(&none, &claims, 0.0), &Unverified::Expired);
    }
}

#[test]
fn a_fraction_of_a_second_counts() {
    let none = TokenOptions {
        leeway: Duration::ZERO,
        ..TokenOptions::default()
    };
    let claims = format!(r#"{{"exp":{NOW}.5}}"#);
    assert!(verify_at(&none, &claims, 0.25).is_ok());
    assert_refused(verify_at(&none, &claims, 0.75), &Unverified::Expired);
}

#[test]
fn a_token_of_the_future_is_not_yet_valid() {
    let options = TokenOptions::default();
    for claim in ["nbf", "iat"] {
        let claims = format!(r#"{{"exp":{},"{claim}":{}}}"#, NOW + 3600, NOW + 100);
        for seconds in [0.0, 69.0, 69.9] {
            assert_refused(
                verify_at(&options, &claims, seconds),
                &Unverified::NotYetValid,
            );
        }
        for seconds in [70.0, 100.0, 3600.0] {
            assert!(
                verify_at(&options, &claims, seconds).is_ok(),
                "{claim} {seconds}"
            );
        }
    }
}

#[test]
fn a_token_has_an_expiry_unless_it_need_not() {
    assert_invalid(&claimed(r#"{"sub":"ada"}"#), "no exp");
    let options = TokenOptions {
        require_expiry: false,
        ..TokenOptions::default()
    };
    let verified = claimed_with(options.clone(), r#"{"sub":"ada"}"#).unwrap();
    assert_eq!(verified.expires, None);
    // One that is there counts all the same.
    let expired = claimed_with(options.clone(), r#"{"sub":"ada","exp":1}"#);
    assert_refused(expired, &Unverified::Expired);
    assert_invalid(&claimed_with(options, r#"{"exp":"never"}"#), "never");
}

#[test]
fn a_token_that_lives_too_long_is_refused() {
    let options = TokenOptions {
        max_lifetime: Duration::from_secs(3600),
        ..TokenOptions::default()
    };
    let claims = format!(r#"{{"exp":{}}}"#, NOW + 3600);
    assert!(verify_at(&options, &claims, 0.0).is_ok());
    assert_invalid(&verify_at(&options, &claims, -1.0), "a second too long");
}

#[test]
fn a_token_is_called_expired_only_if_the_rest_is_right() {
    // The client would come back with a new token, again and again.
    for claims in [
        r#"{"exp":1,"aud":"other"}"#,
        r#"{"exp":1,"sub":7}"#,
        r#"{"exp":1,"channels":7}"#,
        r#"{"exp":1,"iat":"9"}"#,
    ] {
        assert_invalid(&claimed(claims), claims);
    }
    let both = format!(r#"{{"exp":1,"nbf":{}}}"#, NOW + 100);
    assert_refused(claimed(&both), &Unverified::NotYetValid);
    // Nor is one whose signature is wrong.
    let other = SigningKey::secret(Algorithm::Hs256, &[7; 32]).unwrap();
    let token = other.sign(None, r#"{"exp":1}"#).unwrap();
    assert_invalid(
        &verifier(vec![secret_key()]).verify(&token, at(NOW)),
        "forged",
    );
}
