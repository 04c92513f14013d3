use super::super::test_keys::{ED25519, P256, P384, RSA, SECRET, keys_for, pair_for, pem};
use super::*;

#[test]
fn a_signature_verifies_with_its_key_and_nothing_else() {
    for algorithm in Algorithm::all() {
        let (signing, key) = keys_for(algorithm, None);
        let token = signing.sign(None, "{}").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = super::super::decode_base64url(signature).unwrap();
        assert!(key.verifies(signed.as_bytes(), &signature), "{algorithm:?}");
        assert!(!key.verifies(b"other", &signature), "{algorithm:?}");
        for other in Algorithm::all().filter(|&other| other != algorithm) {
            let (_, other_key) = keys_for(other, None);
            assert!(
                !other_key.verifies(signed.as_bytes(), &signature),
                "{algorithm:?} {other:?}"
            );
        }
    }
}

#[test]
fn a_secret_has_at_least_32_bytes() {
    assert!(Key::secret(None, Algorithm::Hs512, SECRET).is_ok());
    let error = Key::secret(None, Algorithm::Hs256, &SECRET[1..]).unwrap_err();
    assert_eq!(error, KeyError::ShortSecret(31));
    assert_eq!(
        error.to_string(),
        "the secret has 31 bytes; it must have at least 32"
    );
}

#[test]
fn a_public_key_is_never_a_secret() {
    let error = Key::secret(None, Algorithm::Hs256, RSA.public_pem.as_bytes()).unwrap_err();
    assert_eq!(error, KeyError::PemAsSecret);
    assert_eq!(
        Key::secret(None, Algorithm::Rs256, SECRET)
            .unwrap_err()
            .to_string(),
        "the algorithm needs an RSA key, not a secret"
    );
    assert_eq!(
        Key::public_pem(None, Algorithm::Hs256, RSA.public_pem.as_bytes()).unwrap_err(),
        KeyError::NeedsSecret
    );
}

#[test]
fn a_public_key_must_fit_its_algorithm() {
    for algorithm in Algorithm::all() {
        let family = algorithm.family();
        for pair in [&RSA, &P256, &P384, &ED25519] {
            let key = Key::public_pem(None, algorithm, pair.public_pem.as_bytes());
            if family == Family::Secret {
                assert_eq!(key.unwrap_err(), KeyError::NeedsSecret);
            } else if pair_for(algorithm).is_some_and(|own| std::ptr::eq(own, &raw const **pair)) {
                assert!(key.is_ok(), "{algorithm:?}");
            } else {
                assert_eq!(key.unwrap_err(), KeyError::Unfit(family), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn only_a_public_key_in_pem_form_is_accepted() {
    let raw = pem("RSA PUBLIC KEY", &RSA.public_raw);
    assert!(Key::public_pem(None, Algorithm::Rs256, raw.as_bytes()).is_ok());
    let public = &RSA.public_pem;
    for file in [
        RSA.private_pem.clone(),
        pem("CERTIFICATE", &RSA.public_der),
        String::new(),
        "-----BEGIN PUBLIC KEY-----".to_owned(),
        public.replace("PUBLIC KEY-----\n", "PUBLIC KEY-----\n!"),
        pem("PUBLIC KEY", &RSA.public_der[..100]),
        pem("PUBLIC KEY", b""),
    ] {
        let key = Key::public_pem(None, Algorithm::Rs256, file.as_bytes());
        assert!(key.is_err(), "{file}");
    }
}

#[test]
fn an_rsa_key_has_at_least_2048_bits() {
    let e = [1, 0, 1];
    let mut n = vec![0xff; 256];
    assert!(Key::rsa(None, Algorithm::Rs256, &n, &e).is_ok());
    n[0] = 0x7f;
    let error = Key::rsa(None, Algorithm::Rs256, &n, &e).unwrap_err();
    assert_eq!(error, KeyError::RsaSize(2047));
    // Leading zeros make no number larger.
    let padded = [vec![0; 200], vec![0xff; 128]].concat();
    let error = Key::rsa(None, Algorithm::Rs256, &padded, &e).unwrap_err();
    assert_eq!(error, KeyError::RsaSize(1024));
    assert!(Key::rsa(None, Algorithm::Rs256, &[], &e).is_err());
    assert!(Key::rsa(None, Algorithm::Rs256, &[0xff; 1025], &e).is_err());
}

#[test]
fn a_point_is_on_its_curve() {
    let mut point = P256.public_raw.clone();
    assert!(Key::point(None, Algorithm::Es256, &point).is_ok());
    assert!(Key::point(None, Algorithm::Es384, &point).is_err());
    assert!(Key::point(None, Algorithm::Es256, &point[..64]).is_err());
    point[64] ^= 1;
    assert!(Key::point(None, Algorithm::Es256, &point).is_err());
    assert!(Key::point(None, Algorithm::EdDsa, &ED25519.public_raw[..31]).is_err());
}

#[test]
fn a_secret_is_never_printed() {
    let key = Key::secret(Some("a"), Algorithm::Hs256, SECRET).unwrap();
    assert_eq!(
        format!("{key:?}"),
        "Key { id: Some(\"a\"), algorithm: Hs256, material: *** }"
    );
}
