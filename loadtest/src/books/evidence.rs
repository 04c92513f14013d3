//! The first failures of each kind, in words.

/// The first failures of each kind in words, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence(Vec<(Kind, String)>);

/// Lines an evidence keeps of each kind.
const LINES_PER_KIND: usize = 5;

impl Evidence {
    /// Keeps the line if there is still place; it is only built then.
    pub(crate) fn note(&mut self, kind: Kind, line: impl FnOnce() -> String) {
        if self.of(kind).count() < LINES_PER_KIND {
            self.0.push((kind, line()));
        }
    }

    /// The lines of one kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(own, _)| *own == kind)
            .map(|(_, line)| line.as_str())
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (kind, line) in other.0 {
            self.note(kind, || line);
        }
    }
}

/// What evidence is about; the name of a metric begins with that of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Close,
    Loss,
    Declared,
    Duplicate,
    Reorder,
    Foreign,
    Malformed,
    Error,
    Subscribers,
    Dead,
    Slow,
    Storm,
    Churn,
    Recovery,
    Attack,
}

impl Kind {
    /// The kind whose evidence explains a metric.
    pub(crate) fn of_metric(name: &str) -> Option<Self> {
        const NAMES: [(&str, Kind); 16] = [
            ("conn", Kind::Connect),
            ("closes.", Kind::Close),
            ("loss.silent", Kind::Loss),
            ("loss.declared", Kind::Declared),
            ("dups", Kind::Duplicate),
            ("reorders", Kind::Reorder),
            ("foreign", Kind::Foreign),
            ("malformed", Kind::Malformed),
            ("errors", Kind::Error),
            ("subscribers.", Kind::Subscribers),
            ("heartbeat.", Kind::Dead),
            ("slow.", Kind::Slow),
            ("storm.", Kind::Storm),
            ("churn.", Kind::Churn),
            ("recovery.", Kind::Recovery),
            ("attacks.", Kind::Attack),
        ];
        NAMES
            .iter()
            .find_map(|(prefix, kind)| name.starts_with(prefix).then_some(*kind))
    }
}
