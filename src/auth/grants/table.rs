//! Grants that are shared by all connections with the same ones.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Grants;

/// So that looking for entries that are no longer used visits only a part of the table.
const PARTS: usize = 16;
/// A part of fewer entries than this is not searched for those that are no longer used.
const LEAST: usize = 16;

/// Finds grants that are equal, so that connections share one copy. It keeps nothing alive.
///
/// Bound: a part of the table that would become twice as large as what was in use when it was last
/// looked through is looked through again first.
#[derive(Debug, Default)]
pub struct GrantsTable {
    parts: [Mutex<Part>; PARTS],
    hasher: RandomState,
}

/// The entries whose hashes have the same remainder.
#[derive(Debug, Default)]
struct Part {
    by_hash: HashMap<u64, Weak<Grants>>,
    /// The number of entries at which it is looked through.
    full_at: usize,
}

impl GrantsTable {
    /// The shared copy of these grants.
    pub fn intern(&self, grants: Grants) -> Arc<Grants> {
        let hash = self.hasher.hash_one(&grants);
        // Always within the array.
        let mut part = self.parts[hash as usize % PARTS].lock();
        let known = part.by_hash.get(&hash).and_then(Weak::upgrade);
        // Others with the same hash, if that ever happens, replace them.
        if let Some(known) = known.filter(|known| **known == grants) {
            return known;
        }
        let shared = Arc::new(grants);
        part.insert(hash, Arc::downgrade(&shared));
        shared
    }

    /// The number of entries, used or not.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.lock().by_hash.len())
            .sum()
    }
}

impl Part {
    fn insert(&mut self, hash: u64, grants: Weak<Grants>) {
        if self.by_hash.len() >= self.full_at.max(LEAST) {
            self.by_hash.retain(|_, grants| grants.strong_count() > 0);
            self.full_at = 2 * self.by_hash.len();
        }
        self.by_hash.insert(hash, grants);
    }
}
