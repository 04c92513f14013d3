//! Making API keys.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::api_key::{KEY_PREFIX, KeyId};
use super::key_hash::KeyHash;

const SECRET_BYTES: usize = 32;

/// A key that was just made. Nothing else knows it.
#[derive(Clone)]
pub struct NewKey {
    text: String,
    hash: KeyHash,
}

impl NewKey {
    /// Makes a key. `None` if the system has no random numbers.
    pub fn generate(id: &KeyId) -> Option<Self> {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret).ok()?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let text = format!("{KEY_PREFIX}{id}_{secret}");
        let hash = KeyHash::of(text.as_bytes());
        Some(Self { text, hash })
    }

    /// The key, for its owner only.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What the configuration keeps of it.
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }
}

/// Prints nothing of the key.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_another_and_has_the_form_of_one() {
        let id = KeyId::parse("shop_1").unwrap();
        let [one, other] = [(), ()].map(|()| NewKey::generate(&id).unwrap());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().len(), "wck_shop_1_".len() + 43);
        assert_eq!(KeyId::in_key(one.reveal()), Some("shop_1"));
        assert_eq!(*one.hash(), KeyHash::of(one.reveal().as_bytes()));
        assert_eq!(format!("{one:?}"), "***");
    }
}
