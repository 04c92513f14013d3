//! What the server has declared missing.

use std::collections::HashMap;

/// What the server has declared missing, for the sockets of one worker. At most one entry per subscription and per book.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// By subscription: what gap notices have skipped since its last event.
    pub(super) gaps: HashMap<usize, GapNotice>,
    /// By book: the highest number before its position was refused, until the first one after it arrives.
    pub(super) refused: HashMap<usize, u64>,
}

/// What gap notices have skipped at one place of a channel. A notice stands where the publications were, so it accounts only
/// for numbers between the last event before it and the first one after it, of each publisher.
#[derive(Debug, Default)]
pub(super) struct GapNotice {
    /// Number of skipped publications that have not been found missing yet.
    pub(super) left: u64,
    /// The publishers of the channel of whom nothing has arrived since.
    pub(super) waiting: Vec<usize>,
    /// The notice may also cover publications from before the subscription, which are not in its books.
    pub(super) is_vague: bool,
}

impl Declared {
    /// Whether there is anything to settle. Inlined, because it is checked for every event and rarely true.
    #[inline]
    pub(super) fn is_unsettled(&self) -> bool {
        !self.refused.is_empty() || !self.gaps.is_empty()
    }

    /// Whether a gap notice accounts for a publication at the end of a book, after its last event. Counts it there if so.
    pub(super) fn takes(&mut self, subscription: usize, publisher: usize) -> bool {
        let notice = self.gaps.get_mut(&subscription);
        let Some(notice) = notice.filter(|own| own.left > 0 && own.waiting.contains(&publisher))
        else {
            return false;
        };
        notice.left -= 1;
        true
    }
}
