use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::auth::token::test_keys::{ED25519, P256, P384, RSA};

const ALL: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The members of an RSA key of 2048 bits.
fn rsa() -> String {
    let n = b64(&[0xff; 256]);
    format!(r#""kty":"RSA","n":"{n}","e":"AQAB""#)
}

fn ec(curve: &str, point: &[u8]) -> String {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    format!(
        r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#,
        b64(x),
        b64(y)
    )
}

/// The algorithms of the keys in a set of these.
fn algorithms(keys: &[String], listed: &[Algorithm]) -> Vec<Algorithm> {
    let keys: Vec<String> = keys.iter().map(|key| format!("{{{key}}}")).collect();
    let text = format!("{{\"keys\":[{}]}}", keys.join(","));
    let keys = parse(text.as_bytes(), listed).unwrap();
    keys.iter().map(Key::algorithm).collect()
}

#[test]
fn keys_of_each_kind_are_read() {
    let keys = [
        rsa(),
        ec("P-256", &P256.public_raw),
        ec("P-384", &P384.public_raw),
        format!(
            r#""kty":"OKP","crv":"Ed25519","x":"{}""#,
            b64(&ED25519.public_raw)
        ),
    ];
    assert_eq!(algorithms(&keys, &ALL), ALL);
    assert_eq!(algorithms(&keys, &[Algorithm::Es256]), [Algorithm::Es256]);
    let text = format!(r#"{{"x":1,"keys":[{{{},"kid":"a"}}]}}"#, rsa());
    let keys = parse(text.as_bytes(), &ALL).unwrap();
    assert_eq!(keys[0].id(), Some("a"));
}

#[test]
fn a_key_is_for_the_algorithm_that_it_names_or_for_all_that_fit() {
    let listed = [Algorithm::Rs256, Algorithm::Ps256];
    assert_eq!(algorithms(&[rsa()], &listed), listed);
    let named = format!(r#"{},"alg":"PS256""#, rsa());
    assert_eq!(algorithms(&[named], &listed), [Algorithm::Ps256]);
    for alg in [
        r#""RS512""#,
        r#""HS256""#,
        r#""RSA-OAEP""#,
        r#""none""#,
        "null",
        "7",
    ] {
        let named = format!(r#"{},"alg":{alg}"#, rsa());
        assert_eq!(algorithms(&[named], &listed), [], "{alg}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_skipped() {
    let point = &P256.public_raw;
    let mut off_curve = point.clone();
    off_curve[64] ^= 1;
    let secret = b64(&[7; 64]);
    for key in [
        // A secret, for any algorithm.
        format!(r#""kty":"oct","k":"{secret}""#),
        format!(r#""kty":"oct","k":"{secret}","alg":"RS256""#),
        // Not for signatures.
        format!(r#"{},"use":"enc""#, rsa()),
        format!(r#"{},"use":"SIG""#, rsa()),
        format!(r#"{},"use":null"#, rsa()),
        format!(r#"{},"key_ops":["sign"]"#, rsa()),
        // Repeated, of the wrong type, or not there.
        format!(r#"{},"kid":"a","kid":"b""#, rsa()),
        format!(r#"{},"kid":7"#, rsa()),
        r#""kty":"RSA","n":"AQAB""#.to_owned(),
        r#""kty":"RSA","n":"AQAB","e":"AQAB""#.to_owned(),
        rsa().replace("AQAB", "AQAB="),
        rsa().replace("RSA", "rsa"),
        // Curves.
        ec("P-384", point),
        ec("P-521", point),
        ec("secp256k1", point),
        ec("P-256", &off_curve),
        ec("P-256", &[&[4][..], &point[2..]].concat()),
        format!(
            r#""kty":"EC","crv":"P-256","x":"{}","y":"""#,
            b64(&point[1..])
        ),
        format!(
            r#""kty":"OKP","crv":"Ed448","x":"{}""#,
            b64(&ED25519.public_raw)
        ),
        format!(
            r#""kty":"OKP","crv":"Ed25519","x":"{}""#,
            b64(&ED25519.public_raw[1..])
        ),
        String::new(),
    ] {
        assert_eq!(
            algorithms(&[key.clone(), rsa()], &ALL),
            [Algorithm::Rs256],
            "{key}"
        );
    }
    for usage in [
        r#""use":"sig""#,
        r#""key_ops":["verify"]"#,
        r#""x5c":["!"]"#,
    ] {
        let key = format!("{},{usage}", rsa());
        assert_eq!(algorithms(&[key], &ALL), [Algorithm::Rs256], "{usage}");
    }
    let text = format!(r#"{{"keys":[7,null,"x",[],{{{}}}]}}"#, rsa());
    assert_eq!(parse(text.as_bytes(), &ALL).unwrap().len(), 1);
}

#[test]
fn a_set_has_at_most_100_keys_and_256_kib() {
    let of = |count: usize| format!(r#"{{"keys":[{}]}}"#, vec!["{}"; count].join(","));
    assert!(parse(of(100).as_bytes(), &ALL).is_ok());
    let error = parse(of(101).as_bytes(), &ALL).unwrap_err();
    assert_eq!(error, KeySetError::TooManyKeys);
    let padded = |len: usize| {
        let text = of(1);
        format!("{text}{}", " ".repeat(len - text.len()))
    };
    assert!(parse(padded(MAX_SET_BYTES).as_bytes(), &ALL).is_ok());
    let error = parse(padded(MAX_SET_BYTES + 1).as_bytes(), &ALL).unwrap_err();
    assert_eq!(error, KeySetError::TooLarge);
}

#[test]
fn what_is_not_a_key_set_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]"#,
        r#"{"keys":[],"keys":[]}"#,
        "<html>",
    ] {
        let error = parse(text.as_bytes(), &ALL).unwrap_err();
        assert_eq!(error, KeySetError::NotAKeySet, "{text}");
    }
    assert!(parse(b"{\"keys\":[\"\xff\"]}", &ALL).is_err());
    assert_eq!(RSA.key(None, Algorithm::Rs256).id(), None);
}
