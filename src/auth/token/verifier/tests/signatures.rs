//! Forged signatures, and headers that ask for too much.

use super::super::super::compact::{decode_base64url, encode_base64url};
use super::super::super::test_keys::{ED25519, OTHER_RSA, P256, P384, RSA, keys_for};
use super::*;

fn parts(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| encode_base64url(part.as_bytes()));
    format!("{header}.{claims}")
}

/// A verifier that has a key for each algorithm.
fn with_all_keys() -> Verifier {
    verifier(
        Algorithm::all()
            .map(|algorithm| keys_for(algorithm, None).1)
            .collect(),
    )
}

#[test]
fn every_algorithm_is_verified() {
    let verifier = with_all_keys();
    for algorithm in Algorithm::all() {
        let token = keys_for(algorithm, None).0.sign(None, VALID).unwrap();
        assert!(verifier.verify(&token, at(NOW)).is_ok(), "{algorithm:?}");
        // One bit of the last byte of the signature that is not padding.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut signature = decode_base64url(signature).unwrap();
        *signature.last_mut().unwrap() ^= 1;
        let forged = format!("{signed}.{}", encode_base64url(&signature));
        assert_invalid(&verifier.verify(&forged, at(NOW)), algorithm.as_str());
    }
}

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let verifier = with_all_keys();
    for name in ["none", "None", "nOnE", "NONE", ""] {
        let unsigned = parts(&format!(r#"{{"alg":"{name}","typ":"JWT"}}"#), VALID);
        let signature = hs256().sign(None, VALID).unwrap();
        let signature = signature.rsplit_once('.').unwrap().1;
        for token in [
            unsigned.clone(),
            format!("{unsigned}."),
            format!("{unsigned}.{signature}"),
            format!("{unsigned}.AA"),
        ] {
            assert_invalid(&verifier.verify(&token, at(NOW)), &token);
        }
    }
}

#[test]
fn an_empty_signature_is_none() {
    let verifier = with_all_keys();
    for algorithm in Algorithm::names() {
        let token = format!("{}.", parts(&format!(r#"{{"alg":"{algorithm}"}}"#), VALID));
        assert_invalid(&verifier.verify(&token, at(NOW)), algorithm);
    }
}

#[test]
fn a_public_key_is_not_taken_as_a_secret() {
    let verifier = verifier(vec![RSA.key(None, Algorithm::Rs256)]);
    let genuine = RSA.signing(Algorithm::Rs256).sign(None, VALID).unwrap();
    assert!(verifier.verify(&genuine, at(NOW)).is_ok());
    let text = RSA.public_pem.as_bytes();
    for secret in [
        text,
        text.trim_ascii_end(),
        &RSA.public_der,
        &RSA.public_raw,
        &RSA.public_raw[..64],
    ] {
        for algorithm in ["HS256", "HS384", "HS512"] {
            // Signed by hand, because this project's own signer refuses such a secret.
            let signed = parts(&format!(r#"{{"alg":"{algorithm}"}}"#), VALID);
            let hash = match algorithm {
                "HS256" => aws_lc_rs::hmac::HMAC_SHA256,
                "HS384" => aws_lc_rs::hmac::HMAC_SHA384,
                _ => aws_lc_rs::hmac::HMAC_SHA512,
            };
            let key = aws_lc_rs::hmac::Key::new(hash, secret);
            let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
            let token = format!("{signed}.{}", encode_base64url(signature.as_ref()));
            assert_invalid(&verifier.verify(&token, at(NOW)), algorithm);
        }
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    // One RSA key for RS256 only: PS256 with the same key is another algorithm.
    let verifier = verifier(vec![RSA.key(None, Algorithm::Rs256), secret_key()]);
    for algorithm in [Algorithm::Ps256, Algorithm::Rs384] {
        let token = RSA.signing(algorithm).sign(None, VALID).unwrap();
        assert_invalid(&verifier.verify(&token, at(NOW)), algorithm.as_str());
    }
    let longer = SigningKey::secret(Algorithm::Hs512, SECRET).unwrap();
    let token = longer.sign(None, VALID).unwrap();
    assert_invalid(&verifier.verify(&token, at(NOW)), "HS512");
}

#[test]
fn an_ecdsa_signature_is_two_numbers_of_full_length_and_neither_is_zero() {
    for (pair, algorithm, len) in [(&P256, Algorithm::Es256, 32), (&P384, Algorithm::Es384, 48)] {
        let verifier = verifier(vec![pair.key(None, algorithm)]);
        let token = pair.signing(algorithm).sign(None, VALID).unwrap();
        assert!(verifier.verify(&token, at(NOW)).is_ok());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let genuine = decode_base64url(signature).unwrap();
        assert_eq!(genuine.len(), 2 * len);
        let (r, s) = genuine.split_at(len);
        let zero = vec![0; len];
        for forged in [
            [zero.clone(), zero.clone()].concat(),
            [r, &zero].concat(),
            [&zero, s].concat(),
            der(r, s),
            genuine[..2 * len - 1].to_vec(),
            genuine[1..].to_vec(),
            [&genuine[..], &[0]].concat(),
            [&[0], &genuine[..]].concat(),
        ] {
            let token = format!("{signed}.{}", encode_base64url(&forged));
            assert_invalid(&verifier.verify(&token, at(NOW)), &format!("{forged:?}"));
        }
    }
}

/// The signature as ASN.1, as TLS and many libraries write it.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let mut content = number[zeros..].to_vec();
        if content.first().is_none_or(|&first| first >= 0x80) {
            content.insert(0, 0);
        }
        [&[2, content.len() as u8], &content[..]].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}

#[test]
fn a_key_id_is_only_compared_with_those_of_known_keys() {
    let named = Key::secret(Some("2026-01"), Algorithm::Hs256, SECRET).unwrap();
    let verifier = verifier(vec![named]);
    let genuine = hs256().sign(Some("2026-01"), VALID).unwrap();
    assert!(verifier.verify(&genuine, at(NOW)).is_ok());
    for id in [
        "../../dev/null",
        "/dev/null",
        "' OR 1=1 --",
        "http://127.0.0.1/key",
        "2026-01\u{0}",
        "2026-0",
        "",
    ] {
        // Signed with the empty secret that such a file or row would be, and with the real one.
        let header = format!(
            r#"{{"alg":"HS256","kid":{}}}"#,
            crate::protocol::Json::from(id)
        );
        let signed = parts(&header, VALID);
        for secret in [&b""[..], SECRET] {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
            let token = format!("{signed}.{}", encode_base64url(signature.as_ref()));
            assert_invalid(&verifier.verify(&token, at(NOW)), id);
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let verifier = verifier(vec![RSA.key(None, Algorithm::Rs256)]);
    let attacker = OTHER_RSA.signing(Algorithm::Rs256);
    let der = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        &OTHER_RSA.public_der,
    );
    for extra in [
        r#""jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
        r#""jku":"http://127.0.0.1:1/jwks.json""#.to_owned(),
        r#""x5u":"http://127.0.0.1:1/cert.pem""#.to_owned(),
        format!(r#""x5c":["{der}"]"#),
    ] {
        let header = format!(r#"{{"alg":"RS256",{extra}}}"#);
        let token = attacker.sign_parts(&header, VALID).unwrap();
        assert_invalid(&verifier.verify(&token, at(NOW)), &extra);
        // They do no harm to a token that is genuine.
        let token = RSA
            .signing(Algorithm::Rs256)
            .sign_parts(&header, VALID)
            .unwrap();
        assert!(verifier.verify(&token, at(NOW)).is_ok(), "{extra}");
    }
}

#[test]
fn an_unknown_extension_is_refused() {
    let verifier = verifier(vec![secret_key()]);
    for header in [
        r#"{"alg":"HS256","crit":["x"],"x":1}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","typ":"JWE"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
    ] {
        let token = hs256().sign_parts(header, VALID).unwrap();
        assert_invalid(&verifier.verify(&token, at(NOW)), header);
    }
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":1}"#,
    ] {
        let token = hs256().sign_parts(header, VALID).unwrap();
        assert!(verifier.verify(&token, at(NOW)).is_ok(), "{header}");
    }
}

#[test]
fn a_token_is_tried_with_keys_of_its_id_and_with_those_without_one() {
    let key = |id, secret: u8| Key::secret(id, Algorithm::Hs256, &[secret; 32]).unwrap();
    let sign = |id, secret: u8| {
        let signing = SigningKey::secret(Algorithm::Hs256, &[secret; 32]).unwrap();
        signing.sign(id, VALID).unwrap()
    };
    let two = verifier(vec![key(Some("a"), 1), key(None, 2), key(Some("b"), 3)]);
    assert!(two.verify(&sign(Some("a"), 1), at(NOW)).is_ok());
    assert!(two.verify(&sign(Some("a"), 2), at(NOW)).is_ok());
    assert_invalid(
        &two.verify(&sign(Some("a"), 3), at(NOW)),
        "the id of another key",
    );
    for secret in 1..=3 {
        assert!(two.verify(&sign(None, secret), at(NOW)).is_ok());
    }
}

#[test]
fn a_token_is_tried_with_four_keys_in_order() {
    let keys = (1..=5).map(|secret| Key::secret(None, Algorithm::Hs256, &[secret; 32]).unwrap());
    let verifier = verifier(keys.collect());
    for secret in 1..=5_u8 {
        let signing = SigningKey::secret(Algorithm::Hs256, &[secret; 32]).unwrap();
        let token = signing.sign(None, VALID).unwrap();
        let is_verified = verifier.verify(&token, at(NOW)).is_ok();
        assert_eq!(is_verified, secret <= 4, "{secret}");
    }
}

#[test]
fn another_key_verifies_nothing() {
    for (pair, algorithm) in [(&RSA, Algorithm::Rs256), (&ED25519, Algorithm::EdDsa)] {
        let token = pair.signing(algorithm).sign(None, VALID).unwrap();
        assert!(
            verifier(vec![pair.key(None, algorithm)])
                .verify(&token, at(NOW))
                .is_ok()
        );
    }
    let token = OTHER_RSA
        .signing(Algorithm::Rs256)
        .sign(None, VALID)
        .unwrap();
    let verifier = verifier(vec![RSA.key(None, Algorithm::Rs256)]);
    assert_invalid(&verifier.verify(&token, at(NOW)), "another key");
}
