use super::*;
use crate::auth::jwks::test_set;
use crate::auth::token::test_keys::RSA;

const HOUR: Duration = Duration::from_secs(3600);

fn set() -> KeySet {
    KeySet::new(KeySetOptions {
        url: "https://app.example/jwks.json".to_owned(),
        algorithms: vec![Algorithm::Rs256],
        issuer: None,
        refresh: HOUR,
    })
}

fn ids(set: &KeySet) -> Option<Vec<String>> {
    let keys = set.keys()?;
    let ids = keys
        .iter()
        .map(|key| key.id().unwrap_or_default().to_owned());
    Some(ids.collect())
}

#[test]
fn a_set_has_no_keys_until_it_is_fetched_and_then_those_of_the_last_fetch() {
    let (set, now) = (set(), Instant::now());
    assert_eq!(ids(&set), None);
    for (hours, id) in [(0, "1"), (1, "2")] {
        let now = now + hours * HOUR;
        assert!(set.begin_fetch(now));
        assert_eq!(set.fetched(test_set(&[(id, &RSA)]).as_bytes(), now), Ok(1));
        assert_eq!(ids(&set).unwrap(), [id]);
    }
}

#[test]
fn the_last_good_set_outlives_fetches_that_fail_by_24_hours() {
    let (set, start) = (set(), Instant::now());
    assert!(set.begin_fetch(start));
    set.fetched(test_set(&[("1", &RSA)]).as_bytes(), start)
        .unwrap();
    let later = start + 23 * HOUR;
    assert!(set.begin_fetch(later));
    set.failed(later);
    assert!(set.begin_fetch(later + HOUR / 2));
    let refused = set.fetched(b"<html>", later + HOUR / 2);
    assert_eq!(refused, Err(KeySetError::NotAKeySet));
    assert_eq!(ids(&set).unwrap(), ["1"]);
    assert!(set.begin_fetch(later + HOUR));
    set.failed(later + HOUR);
    assert_eq!(ids(&set), None);
}

#[test]
fn missing_keys_make_a_fetch_due_only_now_and_then() {
    let (set, now) = (set(), Instant::now());
    assert!(set.begin_fetch(now));
    set.fetched(test_set(&[]).as_bytes(), now).unwrap();
    assert_eq!(set.due_in(now), HOUR);
    assert_eq!(set.demand(now), Fetch::Expected);
    assert!(set.begin_fetch(now));
    set.failed(now);
    let expected = (0..1000).filter(|&n| {
        let now = now + Duration::from_micros(n);
        set.demand(now) == Fetch::Expected
    });
    assert_eq!(expected.count(), 0);
}
