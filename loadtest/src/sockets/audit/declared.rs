//! What the server has declared missing.

use crate::books::evidence::EvidenceKind;
use crate::books::tally::WorkerTally;
use std::collections::HashMap;

/// What the server has declared missing, for the sockets of one worker. At most one entry per subscription and per book.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// By subscription: number of publications that gap notices have skipped, less those already counted as missing.
    pub(super) gaps: HashMap<usize, u64>,
    /// By book: the highest number before its position was refused, until the first one after it arrives.
    pub(super) refused: HashMap<usize, u64>,
}

impl Declared {
    /// Whether there is a refused position to settle. Inlined, because it is checked for every event and rarely true.
    #[inline]
    pub(super) fn is_unsettled(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Counts a publication that a subscription did not receive, as declared or as lost.
    pub(super) fn count_missing(
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
