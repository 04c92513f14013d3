//! Gaps: publications that a client will not receive.

/// Consecutive publications of one topic that one client will not receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The number of publications.
    pub missed: u64,
    /// The first and the last offset, if the client receives offsets.
    pub offsets: Option<(u64, u64)>,
}

impl Gap {
    /// A gap of one publication. `offset` is set if the client receives offsets.
    pub fn of_one(offset: Option<u64>) -> Self {
        Self {
            missed: 1,
            offsets: offset.map(|offset| (offset, offset)),
        }
    }

    /// A gap from offset `from` to offset `to`, both included.
    pub fn between(from: u64, to: u64) -> Self {
        Self {
            missed: to - from + 1,
            offsets: Some((from, to)),
        }
    }

    /// Merges this gap with a later one of the same topic.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let offsets = match (self.offsets, later.offsets) {
            (Some((from, _)), Some((_, to))) => Some((from, to)),
            (known, None) | (None, known) => known,
        };
        Self {
            missed: self.missed + later.missed,
            offsets,
        }
    }
}
