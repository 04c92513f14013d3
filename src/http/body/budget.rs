//! The budget of bytes that all request bodies share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::parse_turns::ParseTurns;

/// What a publisher is told when the budget is used up.
pub(super) const NO_MEMORY: &str =
    "the memory for request bodies is used up by other requests; try again";

/// Bytes that the bodies of all requests in flight may take together.
#[derive(Debug)]
pub struct BodyBudget {
    total: usize,
    used: AtomicUsize,
    turns: ParseTurns,
}

impl BodyBudget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            used: AtomicUsize::new(0),
            turns: ParseTurns::default(),
        })
    }

    /// Charges nothing yet.
    pub(super) fn charge(self: &Arc<Self>) -> BodyCharge {
        BodyCharge {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

/// What one request's body takes of the budget. Gives it back when it is dropped.
#[derive(Debug)]
pub(super) struct BodyCharge {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl BodyCharge {
    /// The turns of all bodies that share the budget.
    pub(super) fn turns(&self) -> &ParseTurns {
        &self.budget.turns
    }

    /// Raises the charge to `bytes`; false, with nothing changed, if the budget does not have
    /// them.
    pub(super) fn raise_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let total = self.budget.total;
        let charged = |used: usize| used.checked_add(more).filter(|&used| used <= total);
        let used = &self.budget.used;
        let is_charged = used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged)
            .is_ok();
        if is_charged {
            self.bytes += more;
        }
        is_charged
    }

    /// Whether `bytes` more would fit now. Charges nothing.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        let used = self.budget.used.load(Ordering::Relaxed);
        bytes <= self.budget.total.saturating_sub(used)
    }

    /// The bytes that are charged.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lowers the charge to `bytes`, if it is higher.
    pub(super) fn lower_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        if less > 0 {
            self.budget.used.fetch_sub(less, Ordering::Relaxed);
            self.bytes -= less;
        }
    }
}

impl Drop for BodyCharge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_whole() {
        let budget = BodyBudget::new(100);
        let (mut one, mut other) = (budget.charge(), budget.charge());
        assert!(one.raise_to(40) && other.raise_to(60));
        assert!(!one.raise_to(41), "the budget is used up");
        assert!(one.raise_to(30), "this much is charged already");
        drop(other);
        assert!(one.raise_to(100));
        assert!(!budget.charge().raise_to(1));
        one.lower_to(101);
        assert!(!budget.charge().raise_to(1), "nothing to lower");
        one.lower_to(99);
        assert!(budget.charge().raise_to(1));
        drop(one);
        assert!(!budget.charge().raise_to(101));
        assert!(budget.charge().raise_to(100));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
