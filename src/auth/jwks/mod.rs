//! Key sets (RFC 7517 §5) that are fetched from an issuer.
//!
//! Fetching is done elsewhere (`authority/key_fetcher.rs`); here are the parser, the keys that are
//! known, and the schedule by which they are fetched.

mod jwk;
mod key_set;
mod parse;
mod schedule;

pub use key_set::{Fetch, KeySet, KeySetOptions};
pub use parse::MAX_SET_BYTES;

/// The text of a set of these RSA keys.
#[cfg(test)]
pub(crate) fn test_set(keys: &[(&str, &super::token::test_keys::TestPair)]) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

    let components = DEFAULT_PROVIDER
        .key_utils
        .rsa_pub_components_from_public_key;
    let keys = keys.iter().map(|(id, pair)| {
        let (n, e) = components(&pair.public_raw).unwrap();
        let [n, e] = [n, e].map(|number| URL_SAFE_NO_PAD.encode(number));
        format!(r#"{{"kty":"RSA","use":"sig","kid":"{id}","n":"{n}","e":"{e}"}}"#)
    });
    let keys: Vec<String> = keys.collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}
