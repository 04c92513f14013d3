//! A key set and the keys that are known of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::parse::{KeySetError, parse};
pub use super::schedule::Fetch;
use super::schedule::Schedule;
use crate::auth::token::{Algorithm, Key};

/// Where a key set is, and what its keys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetOptions {
    /// `https`, or `http` to loopback.
    pub url: String,
    /// The algorithms that its keys are used with, none of which has a secret.
    pub algorithms: Vec<Algorithm>,
    /// If given, its keys verify only tokens with this `iss`.
    pub issuer: Option<String>,
    /// Time between two fetches.
    pub refresh: Duration,
}

/// A key set: the keys that were fetched last, and when to fetch them again. Clones are handles of the
/// same set. Its keys belong to it alone: a key is looked up by set and id, never by its id alone.
#[derive(Debug, Clone)]
pub struct KeySet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: KeySetOptions,
    /// `None` until a fetch succeeds, and when the last one is too long ago.
    keys: RwLock<Option<Arc<[Key]>>>,
    schedule: Mutex<Schedule>,
}

impl KeySet {
    /// A set of which nothing is known yet.
    pub fn new(options: KeySetOptions) -> Self {
        let schedule = Schedule::new(options.refresh);
        Self(Arc::new(Inner {
            options,
            keys: RwLock::new(None),
            schedule: Mutex::new(schedule),
        }))
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.0.options.url
    }

    /// The issuer that it belongs to.
    pub fn issuer(&self) -> Option<&str> {
        self.0.options.issuer.as_deref()
    }

    /// Whether its keys may verify a token with this `iss` and `alg`.
    pub fn is_for(&self, issuer: Option<&str>, algorithm: Algorithm) -> bool {
        let own = self.issuer();
        (own.is_none() || own == issuer) && self.0.options.algorithms.contains(&algorithm)
    }

    /// The keys, unless no set was fetched yet or the last one is too old.
    pub fn keys(&self) -> Option<Arc<[Key]>> {
        self.0.keys.read().clone()
    }

    /// How long until a fetch is due.
    pub fn due_in(&self, now: Instant) -> Duration {
        self.0.schedule.lock().due_in(now)
    }

    /// Begins a fetch if one is due and none is in flight. If it returns true, the caller has to
    /// report how the fetch ended.
    pub fn begin_fetch(&self, now: Instant) -> bool {
        self.0.schedule.lock().begin(now)
    }

    /// A key is missing: makes a fetch due, unless a missing key caused one less than 30 s ago.
    pub fn demand(&self, now: Instant) -> Fetch {
        self.0.schedule.lock().demand(now)
    }

    /// The fetch returned this text. Returns the number of usable keys. A text that is refused counts as a
    /// fetch that failed.
    pub fn fetched(&self, text: &[u8], now: Instant) -> Result<usize, KeySetError> {
        match parse(text, &self.0.options.algorithms) {
            Ok(keys) => {
                let count = keys.len();
                *self.0.keys.write() = Some(keys.into());
                self.0.schedule.lock().succeed(now);
                Ok(count)
            }
            Err(error) => {
                self.failed(now);
                Err(error)
            }
        }
    }

    /// The fetch failed. The last good set is kept for up to 24 h.
    pub fn failed(&self, now: Instant) {
        let is_too_old = self.0.schedule.lock().fail(now);
        if is_too_old {
            *self.0.keys.write() = None;
        }
    }
}

#[cfg(test)]
mod tests;
