//! The API keys that a server knows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::api_key::{ApiKey, KeyId};
use super::key_hash::KeyHash;
use super::scope::Scopes;
use crate::limits::{Empty, Meter, Rate, RateLimit, SharedBucket};

/// The keys of a server, by id.
#[derive(Debug, Default)]
pub struct ApiKeys {
    by_id: HashMap<Box<str>, Arc<KnownKey>>,
}

/// A key, and how much it has published lately.
#[derive(Debug)]
pub struct KnownKey {
    key: ApiKey,
    /// `None` without a rate.
    limit: Option<(Rate, Meter, SharedBucket)>,
}

/// Why a text is not accepted as a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRefused {
    /// It is not one of the server's keys.
    Unknown,
    /// It was one.
    Expired(KeyId),
}

/// Why a key may not publish now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// It has published too much for its rate, and may try again after this time.
    For(Rate, Duration),
    /// One request has more publications than the rate allows at once, which is this many.
    Always(Rate, u64),
}

impl ApiKeys {
    /// The keys by their ids, each with a full burst. Of two keys with the same id, the last counts.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>, now: Instant) -> Self {
        let known = |key: ApiKey| {
            let limit = key.rate.map(|rate| {
                let meter = Meter::new(RateLimit::new(rate, rate.of_a_second()), now);
                (rate, meter, SharedBucket::default())
            });
            (key.id.as_str().into(), Arc::new(KnownKey { key, limit }))
        };
        Self {
            by_id: keys.into_iter().map(known).collect(),
        }
    }

    /// The key that this text is.
    ///
    /// One hash is computed and compared in constant time, whether the id is known or not. So the
    /// time says neither which ids exist nor how much of a key is right.
    pub fn authenticate(&self, text: &str, now: SystemTime) -> Result<&Arc<KnownKey>, KeyRefused> {
        let id = KeyId::in_key(text).ok_or(KeyRefused::Unknown)?;
        let known = self.by_id.get(id);
        let hash = known.map_or(&KeyHash::DUMMY, |known| &known.key.hash);
        let is_right = hash.is_of(text.as_bytes());
        let known = known.filter(|_| is_right).ok_or(KeyRefused::Unknown)?;
        if known.key.has_expired(now) {
            return Err(KeyRefused::Expired(known.key.id.clone()));
        }
        Ok(known)
    }
}

impl KnownKey {
    /// The key's id.
    pub fn id(&self) -> &KeyId {
        &self.key.id
    }

    /// What the key may do.
    pub fn scopes(&self) -> &Scopes {
        &self.key.scopes
    }

    /// Whether the key has ended since it was authenticated.
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.key.has_expired(now)
    }

    /// Counts publications that are about to be made. If they are too many, none is counted.
    pub fn charge(&self, publications: usize, now: Instant) -> Result<(), Limited> {
        let Some((rate, meter, bucket)) = &self.limit else {
            return Ok(());
        };
        let taken = meter.take_shared(bucket, publications as u64, now);
        taken.map_err(|empty| match empty {
            Empty::For(time) => Limited::For(*rate, time),
            Empty::Always => Limited::Always(*rate, rate.of_a_second()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::new_key::NewKey;

    fn key(id: &str, expires: Option<SystemTime>) -> (String, ApiKey) {
        let id = KeyId::parse(id).unwrap();
        let new = NewKey::generate(&id).unwrap();
        let key = ApiKey {
            id,
            hash: new.hash().clone(),
            scopes: Scopes::default(),
            rate: None,
            expires,
        };
        (new.reveal().to_owned(), key)
    }

    #[test]
    fn only_a_whole_key_of_its_own_id_is_accepted() {
        let now = SystemTime::now();
        let ((shop, shop_key), (ops, ops_key)) = (key("shop", None), key("ops", None));
        let keys = ApiKeys::new([shop_key, ops_key], Instant::now());
        let found = |text: &str| {
            keys.authenticate(text, now)
                .map(|known| known.id().to_string())
        };
        assert_eq!(found(&shop), Ok("shop".to_owned()));
        assert_eq!(found(&ops), Ok("ops".to_owned()));
        let crossed = shop.replace("shop", "ops");
        let unknown = shop.replace("shop", "shopp");
        let cut = &shop[..shop.len() - 1];
        let last = if shop.ends_with('A') { "B" } else { "A" };
        for text in [
            "",
            "shop",
            cut,
            &crossed,
            &unknown,
            &format!("{cut}{last}"),
            &format!("{shop}A"),
        ] {
            assert_eq!(found(text), Err(KeyRefused::Unknown), "{text}");
        }
    }

    #[test]
    fn a_key_ends_when_it_expires() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (text, key) = key("shop", Some(end));
        let id = key.id.clone();
        let keys = ApiKeys::new([key], Instant::now());
        assert!(
            keys.authenticate(&text, end - Duration::from_secs(1))
                .is_ok()
        );
        let expired = keys.authenticate(&text, end).map(|_| ()).unwrap_err();
        assert_eq!(expired, KeyRefused::Expired(id));
        // Who does not have the key learns nothing.
        let wrong = format!("{}{}", &text[..text.len() - 2], "..");
        let refused = keys.authenticate(&wrong, end).map(|_| ()).unwrap_err();
        assert_eq!(refused, KeyRefused::Unknown);
    }

    #[test]
    fn a_rate_is_of_the_key_not_of_the_request() {
        let (text, mut key) = key("shop", None);
        key.rate = Some(Rate::parse("2/h").unwrap());
        let keys = ApiKeys::new([key], Instant::now());
        let charge = |publications| {
            let known = keys.authenticate(&text, SystemTime::now()).unwrap();
            known.charge(publications, Instant::now())
        };
        assert_eq!(charge(1), Ok(()));
        assert!(matches!(charge(1), Err(Limited::For(..))));
        assert!(matches!(charge(2), Err(Limited::Always(_, 1))));
    }
}
