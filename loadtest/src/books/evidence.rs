//! The first failures of each kind, in words.

/// The first failures of each kind in words, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence(Vec<(EvidenceKind, String)>);

/// Lines an evidence keeps of each kind.
const LINES_PER_KIND: usize = 5;

impl Evidence {
    /// Keeps the line if there is still place; it is only built then.
    pub(crate) fn note(&mut self, kind: EvidenceKind, line: impl FnOnce() -> String) {
        if self.of(kind).count() < LINES_PER_KIND {
            self.0.push((kind, line()));
        }
    }

    /// The lines of one kind.
    pub(crate) fn of(&self, kind: EvidenceKind) -> impl Iterator<Item = &str> {
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
pub(crate) enum EvidenceKind {
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

impl EvidenceKind {
    /// The kind whose evidence explains a metric.
    pub(crate) fn of_metric(name: &str) -> Option<Self> {
        const NAMES: [(&str, EvidenceKind); 16] = [
            ("conn", EvidenceKind::Connect),
            ("closes.", EvidenceKind::Close),
            ("loss.silent", EvidenceKind::Loss),
            ("loss.declared", EvidenceKind::Declared),
            ("dups", EvidenceKind::Duplicate),
            ("reorders", EvidenceKind::Reorder),
            ("foreign", EvidenceKind::Foreign),
            ("malformed", EvidenceKind::Malformed),
            ("errors", EvidenceKind::Error),
            ("subscribers.", EvidenceKind::Subscribers),
            ("heartbeat.", EvidenceKind::Dead),
            ("slow.", EvidenceKind::Slow),
            ("storm.", EvidenceKind::Storm),
            ("churn.", EvidenceKind::Churn),
            ("recovery.", EvidenceKind::Recovery),
            ("attacks.", EvidenceKind::Attack),
        ];
        NAMES
            .iter()
            .find_map(|(prefix, kind)| name.starts_with(prefix).then_some(*kind))
    }
}
