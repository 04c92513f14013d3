//! How often each limit was reached.

use std::sync::atomic::{AtomicU64, Ordering};

use super::limit::Limit;

/// How often each limit was reached since the start.
#[derive(Debug, Default)]
pub struct LimitCounters([AtomicU64; Limit::ALL.len()]);

impl LimitCounters {
    /// Counts one refusal.
    pub fn count(&self, limit: Limit) {
        self.0[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The number of refusals.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize].load(Ordering::Relaxed)
    }

    /// Every limit with its number of refusals.
    pub fn all(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.into_iter().map(|limit| (limit, self.get(limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_counter_of_its_own() {
        let counters = LimitCounters::default();
        for (at, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, at, "{}", limit.as_str());
            (0..=at).for_each(|_| counters.count(limit));
        }
        for (at, (_, count)) in counters.all().enumerate() {
            assert_eq!(count, at as u64 + 1);
        }
    }
}
