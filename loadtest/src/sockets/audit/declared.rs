//! What the server has said that subscriptions will not get.

use crate::books::evidence::EvidenceKind;
use crate::books::tally::WorkerTally;
use std::collections::HashMap;

/// What the server has said that a worker's sockets do not get. Bounded by their subscriptions and books.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// By subscription: how many publications its gap notices left out that its books have not missed yet.
    pub(super) gaps: HashMap<usize, u64>,
    /// By book whose position was refused: its highest number before, until the first one behind comes.
    pub(super) refused: HashMap<usize, u64>,
}

impl Declared {
    /// Whether a refused position waits to be settled: rarely, and each event asks.
    #[inline]
    pub(super) fn is_unsettled(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Counts one publication that a subscription did not get.
    pub(super) fn miss(
        &mut self,
        tally: &mut WorkerTally,
        subscription: usize,
        evidence: impl FnOnce() -> String,
    ) {
        if let Some(left) = self.gaps.get_mut(&subscription) {
            *left -= 1;
            if *left == 0 {
                self.gaps.remove(&subscription);
            }
            tally.declared += 1;
        } else {
            tally.lost += 1;
            tally.evidence.note(EvidenceKind::Loss, evidence);
        }
    }
}
