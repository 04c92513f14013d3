//! Evidence of failures: the first few cases of each kind, as text.

/// The first few cases of each kind, at most [`LINES_PER_KIND`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence(Vec<(EvidenceKind, String)>);

/// Number of lines kept per kind.
const LINES_PER_KIND: usize = 5;

impl Evidence {
    /// Keeps a line, unless there are enough of its kind. `line` is only called if it is kept.
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

/// What a line of evidence is about.
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
    Heartbeat,
    Slow,
    Storm,
    Churn,
    Recovery,
    Attack,
}

impl EvidenceKind {
    /// The kind whose evidence explains a metric.
    pub(crate) fn of_metric(name: &str) -> Option<Self> {
        const NAMES: [(&str, EvidenceKind); 17] = [
            ("conn", EvidenceKind::Connect),
            ("closes.", EvidenceKind::Close),
            ("loss.silent", EvidenceKind::Loss),
            ("loss.declared", EvidenceKind::Declared),
            ("gaps.", EvidenceKind::Declared),
            ("dups", EvidenceKind::Duplicate),
            ("reorders", EvidenceKind::Reorder),
            ("foreign", EvidenceKind::Foreign),
            ("malformed", EvidenceKind::Malformed),
            ("errors", EvidenceKind::Error),
            ("subscribers.", EvidenceKind::Subscribers),
            ("heartbeat.", EvidenceKind::Heartbeat),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_five_lines_of_each_kind() {
        let mut evidence = Evidence::default();
        for n in 0..4 {
            evidence.note(EvidenceKind::Loss, || format!("loss {n}"));
        }
        evidence.note(EvidenceKind::Close, || "close".to_owned());
        let more = evidence.clone();
        evidence.merge(more);
        let losses: Vec<&str> = evidence.of(EvidenceKind::Loss).collect();
        assert_eq!(losses, ["loss 0", "loss 1", "loss 2", "loss 3", "loss 0"]);
        assert_eq!(evidence.of(EvidenceKind::Close).count(), 2);
        assert_eq!(evidence.of(EvidenceKind::Storm).count(), 0);
    }

    #[test]
    fn explains_each_metric_by_its_kind() {
        for (name, kind) in [
            ("connect.errors", EvidenceKind::Connect),
            ("conns.ready", EvidenceKind::Connect),
            ("closes.unexpected", EvidenceKind::Close),
            ("loss.silent", EvidenceKind::Loss),
            ("loss.declared", EvidenceKind::Declared),
            ("gaps.excess", EvidenceKind::Declared),
            ("dups", EvidenceKind::Duplicate),
            ("reorders", EvidenceKind::Reorder),
            ("foreign", EvidenceKind::Foreign),
            ("malformed", EvidenceKind::Malformed),
            ("errors", EvidenceKind::Error),
            ("subscribers.mismatch", EvidenceKind::Subscribers),
            ("heartbeat.survivors", EvidenceKind::Heartbeat),
            ("slow.early", EvidenceKind::Slow),
            ("storm.missing", EvidenceKind::Storm),
            ("churn.stuck", EvidenceKind::Churn),
            ("recovery.wrong", EvidenceKind::Recovery),
            ("attacks.wrong", EvidenceKind::Attack),
        ] {
            assert_eq!(EvidenceKind::of_metric(name), Some(kind), "{name}");
        }
        // Its evidence is the classes of its failures.
        assert_eq!(EvidenceKind::of_metric("publish.errors"), None);
        assert_eq!(EvidenceKind::of_metric("delivery.p99"), None);
    }
}
