//! Tokens that were revoked before they expired.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::protocol::UserId;

/// Maximum number of revocations in force.
const MAX: usize = 100_000;

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// The token with this `jti`.
    Token(String),
    /// The tokens of a user that were issued up to this time, and those that do not say when.
    User {
        /// The user.
        user: UserId,
        /// To the second.
        issued_before: SystemTime,
    },
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// `rev_` and a number, by which it can be taken back.
    pub id: String,
    /// What is revoked.
    pub what: Revoked,
    /// When it ends: once the token has expired, it is not needed.
    pub until: SystemTime,
}

/// What a token says about itself that a revocation can name.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenFacts<'a> {
    /// `jti`.
    pub token_id: Option<&'a str>,
    /// `sub`.
    pub user: Option<&'a str>,
    /// `iat`.
    pub issued: Option<SystemTime>,
}

impl Revoked {
    /// Whether a token is one of these.
    pub fn covers(&self, token: TokenFacts<'_>) -> bool {
        match self {
            Self::Token(id) => token.token_id == Some(id),
            Self::User {
                user,
                issued_before,
            } => {
                let is_older = token.issued.is_none_or(|issued| issued <= *issued_before);
                token.user == Some(user.as_str()) && is_older
            }
        }
    }

    fn key(&self) -> Key {
        match self {
            Self::Token(id) => Key::Token(id.as_str().into()),
            Self::User { user, .. } => Key::User(user.as_str().into()),
        }
    }
}

/// There are as many revocations in force as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {MAX} revocations already; they end by themselves, or take some back")]
pub struct TooManyRevocations;

/// The revocations in force, in the order in which they were made.
///
/// Bound: 100,000; one more is refused, so that none is forgotten in silence.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Lets those pass that revoke nothing.
    count: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    by_number: BTreeMap<u64, (Revoked, SystemTime)>,
    /// The numbers of those about one token or user.
    by_key: HashMap<Key, Vec<u64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Token(Box<str>),
    User(Box<str>),
}

impl Revocations {
    /// Goes on with those of earlier processes, and with this number.
    pub(super) fn restore(&self, next: u64, by_number: BTreeMap<u64, (Revoked, SystemTime)>) {
        let mut inner = self.inner.lock();
        inner.next = inner.next.max(next);
        for (number, (what, until)) in by_number {
            inner.insert(number, what, until);
        }
        self.count.store(inner.by_number.len(), Ordering::SeqCst);
    }

    /// Revokes tokens until some time.
    pub(super) fn add(
        &self,
        what: &Revoked,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Revocation, TooManyRevocations> {
        let mut inner = self.inner.lock();
        if inner.by_number.len() >= MAX {
            inner.forget_ended(now);
        }
        if inner.by_number.len() >= MAX {
            return Err(TooManyRevocations);
        }
        let number = inner.next;
        inner.next += 1;
        inner.insert(number, what.clone(), until);
        self.count.store(inner.by_number.len(), Ordering::SeqCst);
        Ok(revocation(number, what, until))
    }

    /// Whether a token is revoked.
    pub fn revokes(&self, token: TokenFacts<'_>, now: SystemTime) -> bool {
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let inner = self.inner.lock();
        let keys = [
            token.token_id.map(|id| Key::Token(id.into())),
            token.user.map(|user| Key::User(user.into())),
        ];
        let numbers = keys
            .iter()
            .flatten()
            .filter_map(|key| inner.by_key.get(key));
        numbers.flatten().any(|number| {
            let found = inner.by_number.get(number);
            found.is_some_and(|(what, until)| *until > now && what.covers(token))
        })
    }

    /// Those in force, oldest first, behind the one with the id `after`. Also whether there are more.
    pub fn list(
        &self,
        after: Option<&str>,
        limit: usize,
        now: SystemTime,
    ) -> (Vec<Revocation>, bool) {
        let inner = self.inner.lock();
        let start = after.and_then(number_of).map_or(Unbounded, Excluded);
        let mut rest = inner.by_number.range((start, Unbounded));
        let mut in_force = rest.by_ref().filter(|(_, (_, until))| *until > now);
        let page = in_force.by_ref().take(limit);
        let page = page.map(|(number, (what, until))| revocation(*number, what, *until));
        (page.collect(), in_force.next().is_some())
    }

    /// Takes one back. False if there is none with this id.
    pub(super) fn remove(&self, id: &str) -> bool {
        let mut inner = self.inner.lock();
        let removed = number_of(id).is_some_and(|number| inner.remove(number));
        self.count.store(inner.by_number.len(), Ordering::SeqCst);
        removed
    }
}

impl Inner {
    fn insert(&mut self, number: u64, what: Revoked, until: SystemTime) {
        self.by_key.entry(what.key()).or_default().push(number);
        self.by_number.insert(number, (what, until));
    }

    fn forget_ended(&mut self, now: SystemTime) {
        let ended = self
            .by_number
            .iter()
            .filter(|(_, (_, until))| *until <= now);
        let ended: Vec<u64> = ended.map(|(number, _)| *number).collect();
        for number in ended {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let Some((what, _)) = self.by_number.remove(&number) else {
            return false;
        };
        let key = what.key();
        if let Some(numbers) = self.by_key.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
        true
    }
}

fn revocation(number: u64, what: &Revoked, until: SystemTime) -> Revocation {
    Revocation {
        id: id_of(number),
        what: what.clone(),
        until,
    }
}

pub(super) fn id_of(number: u64) -> String {
    format!("rev_{number}")
}

pub(super) fn number_of(id: &str) -> Option<u64> {
    let number = id.strip_prefix("rev_")?.parse().ok()?;
    (id_of(number) == id).then_some(number)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const LATER: Duration = Duration::from_secs(1_000_000);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn of_user(user: &str, issued_before: u64) -> Revoked {
        Revoked::User {
            user: UserId::new(user).unwrap(),
            issued_before: at(issued_before),
        }
    }

    fn facts<'a>(token_id: &'a str, user: &'a str, issued: Option<u64>) -> TokenFacts<'a> {
        TokenFacts {
            token_id: Some(token_id),
            user: Some(user),
            issued: issued.map(at),
        }
    }

    #[test]
    fn a_token_is_revoked_by_its_id_or_by_its_user_and_age() {
        let revocations = Revocations::default();
        let now = at(100);
        assert!(!revocations.revokes(facts("t", "ada", None), now));
        let until = now + LATER;
        revocations
            .add(&Revoked::Token("t".to_owned()), until, now)
            .unwrap();
        revocations.add(&of_user("ada", 50), until, now).unwrap();
        for (token, revoked) in [
            (facts("t", "bob", Some(99)), true),
            (facts("ada", "t", Some(1)), false),
            (facts("u", "ada", Some(50)), true),
            (facts("u", "ada", Some(51)), false),
            (facts("u", "ada", None), true),
            (facts("u", "bob", None), false),
            (TokenFacts::default(), false),
        ] {
            assert_eq!(revocations.revokes(token, now), revoked, "{token:?}");
        }
        assert!(
            !revocations.revokes(facts("t", "ada", None), until),
            "it has ended"
        );
    }

    #[test]
    fn a_revocation_that_is_taken_back_leaves_the_others() {
        let revocations = Revocations::default();
        let now = at(100);
        let first = revocations
            .add(&of_user("ada", 50), now + LATER, now)
            .unwrap();
        let second = revocations
            .add(&of_user("ada", 60), now + LATER, now)
            .unwrap();
        let ended = revocations.add(&of_user("ada", 70), now, now).unwrap();
        assert_eq!(ended.id, "rev_2");
        let all = vec![first.clone(), second.clone()];
        assert_eq!(revocations.list(None, 10, now), (all, false));
        assert_eq!(revocations.list(None, 1, now), (vec![first.clone()], true));
        let behind = (vec![second.clone()], false);
        assert_eq!(revocations.list(Some(&first.id), 1, now), behind);
        assert!(revocations.remove(&second.id));
        assert!(!revocations.remove(&second.id));
        assert!(!revocations.remove("rev_x"));
        assert!(revocations.revokes(facts("u", "ada", Some(50)), now));
        assert!(!revocations.revokes(facts("u", "ada", Some(55)), now));
        assert!(revocations.remove(&first.id));
        assert!(!revocations.revokes(facts("u", "ada", None), now));
    }

    #[test]
    fn only_those_that_have_ended_make_room() {
        let revocations = Revocations::default();
        let now = at(100);
        for number in 0..MAX {
            let until = now + Duration::from_secs(if number == 7 { 1 } else { 1000 });
            let what = Revoked::Token(number.to_string());
            revocations.add(&what, until, now).unwrap();
        }
        let one_more = || Revoked::Token("more".to_owned());
        let until = now + LATER;
        assert_eq!(
            revocations.add(&one_more(), until, now),
            Err(TooManyRevocations)
        );
        let later = now + Duration::from_secs(1);
        assert!(revocations.add(&one_more(), until, later).is_ok());
        assert!(revocations.revokes(facts("8", "-", None), later));
    }
}
